// qssm_concat: NA elements of a, then NB of b, round after round.
`default_nettype none
module qssm_concat #(
    parameter AW = 8,  // bits of an element of a, 1 or more
    parameter BW = 8,  // bits of an element of b, 1 or more
    parameter OW = 8,  // bits of an element of the result, as many as AW and BW or more
    parameter NA = 1,  // elements of a, 1 or more
    parameter NB = 1   // elements of b, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [AW-1:0] a_data,
    input  wire a_valid,
    output wire a_ready,
    input  wire [BW-1:0] b_data,
    input  wire b_valid,
    output wire b_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (AW < 1) begin : illegal_aw qssm_concat_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_concat_BW_must_be_1_or_more error (); end
        if (OW < AW || OW < BW) begin : illegal_ow qssm_concat_OW_must_hold_AW_and_BW error (); end
        if (NA < 1) begin : illegal_na qssm_concat_NA_must_be_1_or_more error (); end
        if (NB < 1) begin : illegal_nb qssm_concat_NB_must_be_1_or_more error (); end
    endgenerate

    localparam IW = $clog2(NA + NB);
    localparam [31:0] LAST_A_INT = NA - 1;
    localparam [IW-1:0] LAST_A = LAST_A_INT[IW-1:0];
    localparam [31:0] LAST_INT = NA + NB - 1;
    localparam [IW-1:0] LAST = LAST_INT[IW-1:0];
    reg [IW-1:0] index;
    reg second;
    wire [OW-1:0] a, b;
    qssm_resize #(.IW(AW), .OW(OW)) fit_a (.s(a_data), .m(a));
    qssm_resize #(.IW(BW), .OW(OW)) fit_b (.s(b_data), .m(b));
    assign m_data = second ? b : a;
    assign m_valid = second ? b_valid : a_valid;
    assign a_ready = !second && m_ready;
    assign b_ready = second && m_ready;
    always @(posedge clk) begin
        if (rst) begin
            index <= {IW{1'b0}};
            second <= 1'b0;
        end else if (m_valid && m_ready) begin
            index <= index == LAST ? {IW{1'b0}} : index + 1'b1;
            if (index == LAST_A) second <= 1'b1;
            else if (index == LAST) second <= 1'b0;
        end
    end
endmodule
`default_nettype wire
