// qssm_status: busy from a sequence's first sample to its last result, and how often a value was clamped.
`default_nettype none
module qssm_status #(
    parameter N = 1  // modules that may clamp a value in a clock, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire sample,
    input  wire sample_last,
    input  wire result_last,
    input  wire [N-1:0] saturated,
    output wire busy,
    output reg  [31:0] saturations
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (N < 1) begin : illegal_n qssm_status_N_must_be_1_or_more error (); end
    endgenerate

    reg started;
    reg [7:0] open;
    reg [31:0] now;
    integer i;
    wire enter = sample && !started;
    assign busy = open != 8'd0;
    always @* begin
        now = 32'd0;
        for (i = 0; i < N; i = i + 1) now = now + {31'd0, saturated[i]};
    end
    always @(posedge clk) begin
        if (rst) begin
            started <= 1'b0;
            open <= 8'd0;
            saturations <= 32'd0;
        end else begin
            if (sample) started <= !sample_last;
            if (enter && !result_last) open <= open + 8'd1;
            if (result_last && !enter) open <= open - 8'd1;
            saturations <= saturations + now;
        end
    end
endmodule
`default_nettype wire
