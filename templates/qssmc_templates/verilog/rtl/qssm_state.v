// qssm_state: a vector of N carried from sample to sample: gives the old one, takes the new one; zero at the start of a
// sequence. The new one of a last sample leaves at l.
`default_nettype none
module qssm_state #(
    parameter W = 8,    // bits of an element, 1 or more
    parameter N = 1,    // elements of the vector, 1 or more
    parameter LAST = 1  // 1: somebody reads the new vector of a last sample at l, 0: nobody does
) (
    input  wire clk,
    input  wire rst,
    input  wire t_data,
    input  wire t_valid,
    output wire t_ready,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [W-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire [W-1:0] l_data,
    output wire l_valid,
    input  wire l_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_state_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_state_N_must_be_1_or_more error (); end
        if (LAST != 0 && LAST != 1) begin : illegal_last qssm_state_LAST_must_be_0_or_1 error (); end
    endgenerate

    localparam IW = N > 1 ? $clog2(N) : 1;
    localparam CW = $clog2(N + 1);
    localparam [31:0] ALL_INT = N;
    localparam [CW-1:0] ALL = ALL_INT[CW-1:0];
    reg [W-1:0] old;
    reg [CW-1:0] given, taken;
    reg first, last, busy, behind;
    wire give = m_valid && m_ready;
    wire take = s_valid && s_ready;
    wire [CW-1:0] given_next = !busy ? {CW{1'b0}} : give ? given + 1'b1 : given;
    wire [CW-1:0] taken_next = !busy ? {CW{1'b0}} : take ? taken + 1'b1 : taken;
    wire done = busy && taken == ALL && given == ALL;
    generate
        if (N > 1) begin : g_ram
            (* no_rw_check *) reg [W-1:0] mem [0:N-1];
            always @(posedge clk) begin
                if (take) mem[taken[IW-1:0]] <= s_data;
                old <= mem[given_next[IW-1:0]];
            end
        end else begin : g_register
            always @(posedge clk) if (take) old <= s_data;
        end
    endgenerate
    assign t_ready = !busy;
    assign m_data = old & {W{!first}};
    assign m_valid = busy && given != ALL;
    // An element is taken when its old value has gone.
    assign s_ready = behind && (LAST == 0 || !last || l_ready);
    assign l_data = s_data;
    assign l_valid = LAST != 0 && behind && last && s_valid;
    generate
        if (LAST == 0) begin : g_no_last
            wire unused = &{1'b0, l_ready};
        end
    endgenerate
    always @(posedge clk) begin
        if (rst) begin
            busy <= 1'b0;
            first <= 1'b1;
            behind <= 1'b0;
            last <= 1'b0;
            given <= {CW{1'b0}};
            taken <= {CW{1'b0}};
        end else if (!busy) begin
            busy <= t_valid;
            last <= t_data;
            given <= {CW{1'b0}};
            taken <= {CW{1'b0}};
        end else begin
            given <= given_next;
            taken <= taken_next;
            behind <= given_next != taken_next;
            if (done) begin
                busy <= 1'b0;
                first <= last;
            end
        end
    end
endmodule
`default_nettype wire
