// qssm_norm: the core of norms over vectors of N: (N x - s) * floor(2^FRAC / max(1, isqrt(N sum x^2 - s^2 + EPS))).
// One vector at a time, bit by bit: sums while it comes in, root, quotient, then an element every FRAC + 3 clocks.
`default_nettype none
module qssm_norm #(
    parameter XW = 9,           // bits of an element, 1 or more
    parameter OW = 40,          // bits of a result, 2 or more
    parameter N = 4,            // elements of a vector, 1 or more
    parameter FRAC = 12,        // fractional bits of the quotient, 0 or more
    parameter VW = 32,          // bits of N sum x^2 + EPS as a positive number, even, 4 or more
    parameter CENTRED = 1,      // 1: about the mean, as LayerNorm; 0: about 0, as RMSNorm
    parameter [VW-1:0] EPS = 0  // what is added to the variance
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    // The largest N sum x^2 + EPS: all elements -2^(XW-1).
    localparam WIDE = VW + 2 * XW + 64;
    localparam [WIDE-1:0] N_WIDE = N;
    localparam [WIDE-1:0] LARGEST = ((N_WIDE * N_WIDE) << (2 * XW - 2)) + {{(2 * XW + 64){1'b0}}, EPS};
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_norm_XW_must_be_1_or_more error (); end
        if (OW < 2) begin : illegal_ow qssm_norm_OW_must_be_2_or_more error (); end
        if (N < 1) begin : illegal_n qssm_norm_N_must_be_1_or_more error (); end
        if (CENTRED != 0 && CENTRED != 1) begin : illegal_centred qssm_norm_CENTRED_must_be_0_or_1 error (); end
        if (FRAC < 0) begin : illegal_frac qssm_norm_FRAC_must_be_0_or_more error (); end
        if (VW < 4 || VW % 2 != 0) begin : illegal_vw_even qssm_norm_VW_must_be_even_and_4_or_more error (); end
        if (LARGEST >> (VW - 1) != {WIDE{1'b0}}) begin : illegal_vw
            qssm_norm_VW_must_hold_N_sum_x_squared_plus_EPS error ();
        end
    endgenerate

    localparam IW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [IW-1:0] TOP = TOP_INT[IW-1:0];
    localparam HW = VW / 2;
    localparam QW = FRAC + 1;
    localparam RW = (HW > QW ? HW : QW) + 1;
    localparam [2:0] FILL = 0, SQUARE = 1, ROOT = 2, DIVIDE = 3, SEND = 4;
    localparam KW = $clog2((HW > QW ? HW : QW) + 1);
    localparam [31:0] ROOTS_INT = HW - 1;
    localparam [KW-1:0] ROOTS = ROOTS_INT[KW-1:0];
    localparam [31:0] QUOTIENTS_INT = FRAC;
    localparam [KW-1:0] QUOTIENTS = QUOTIENTS_INT[KW-1:0];
    localparam DW = XW + $clog2(N + 1) + 1;
    localparam signed [VW-1:0] COUNT = N;
    localparam signed [DW-1:0] COUNT_D = N;

    (* no_rw_check *) reg [XW-1:0] mem [0:N-1];
    reg [XW-1:0] x;
    reg [2:0] stage;
    reg [IW-1:0] index;
    reg [KW-1:0] k;
    reg signed [VW-1:0] sum, squares;
    reg [VW-1:0] value;
    reg [HW-1:0] root;
    reg [HW+1:0] rest;
    reg [RW-1:0] part;
    reg [QW:0] quotient;
    wire signed [VW-1:0] wide;
    wire taken, product_ready, unused_ready;
    wire write = s_valid && s_ready;
    wire [IW-1:0] index_next = (write || taken) ? (index == TOP ? {IW{1'b0}} : index + 1'b1) : index;
    assign s_ready = stage == FILL;
    qssm_resize #(.IW(XW), .OW(VW)) fit (.s(s_data), .m(wide));
    always @(posedge clk) begin
        if (write) mem[index] <= s_data;
        x <= mem[index_next];
    end

    // Restoring square root: two bits of the value a clock.
    wire [HW+1:0] rest_two = {rest[HW-1:0], value[VW-1:VW-2]};
    wire unused = &{1'b0, rest[HW+1:HW], part[RW-1], unused_ready};
    wire [HW+1:0] attempt = {root, 2'b01};
    wire fits = rest_two >= attempt;
    // Restoring division of 2^FRAC: its only set bit comes first.
    wire [HW-1:0] divisor = root == {HW{1'b0}} ? {{(HW - 1){1'b0}}, 1'b1} : root;
    wire [RW-1:0] part_two = {part[RW-2:0], k == QUOTIENTS};
    wire [RW-1:0] divisor_wide = {{(RW - HW){1'b0}}, divisor};
    wire goes = part_two >= divisor_wide;
    always @(posedge clk) begin
        case (stage)
            FILL: if (write) begin
                sum <= (index == {IW{1'b0}} ? {VW{1'b0}} : sum) + (CENTRED != 0 ? wide : {VW{1'b0}});
                squares <= (index == {IW{1'b0}} ? {VW{1'b0}} : squares) + wide * wide;
            end
            SQUARE: begin
                value <= COUNT * squares - sum * sum + EPS;
                root <= {HW{1'b0}};
                rest <= {(HW + 2){1'b0}};
            end
            ROOT: begin
                value <= {value[VW-3:0], 2'b00};
                rest <= fits ? rest_two - attempt : rest_two;
                root <= {root[HW-2:0], fits};
                part <= {RW{1'b0}};
                quotient <= {(QW + 1){1'b0}};
            end
            DIVIDE: begin
                part <= goes ? part_two - divisor_wide : part_two;
                quotient <= {quotient[QW-1:0], goes};
            end
            default: ;
        endcase
    end
    always @(posedge clk) begin
        if (rst) begin
            stage <= FILL;
            index <= {IW{1'b0}};
            k <= {KW{1'b0}};
        end else begin
            index <= index_next;
            case (stage)
                FILL: if (write && index == TOP) stage <= SQUARE;
                SQUARE: begin
                    stage <= ROOT;
                    k <= ROOTS;
                end
                ROOT: begin
                    k <= k == {KW{1'b0}} ? QUOTIENTS : k - 1'b1;
                    if (k == {KW{1'b0}}) stage <= DIVIDE;
                end
                DIVIDE: begin
                    k <= k == {KW{1'b0}} ? k : k - 1'b1;
                    if (k == {KW{1'b0}}) stage <= SEND;
                end
                default: if (taken && index == TOP) stage <= FILL;
            endcase
        end
    end

    // (N x - s) * quotient
    wire signed [DW-1:0] x_wide, s_wide;
    qssm_resize #(.IW(XW), .OW(DW)) fit_x (.s(x), .m(x_wide));
    qssm_resize #(.IW(VW), .OW(DW)) fit_s (.s(sum), .m(s_wide));
    wire signed [DW-1:0] deviation = COUNT_D * x_wide - s_wide;
    assign taken = product_ready;
    qssm_product #(.AW(QW + 1), .BW(DW), .OW(OW), .SERIAL(1)) product (
        .clk(clk), .rst(rst), .a_data(quotient), .a_valid(stage == SEND), .a_ready(product_ready),
        .b_data(deviation), .b_valid(1'b1), .b_ready(unused_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
`default_nettype wire
