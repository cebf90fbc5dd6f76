// qssm_round: clamp(floor((x + d) / 2^shift), low, high) in two clocks.
// d is 2^(shift-1), none where shift is 0, or with DITHER floor(phase * 2^shift / 2^PW).
`default_nettype none
module qssm_round #(
    parameter IW = 16,
    parameter OW = 8,
    parameter SW = 4,
    parameter DITHER = 0,
    parameter PW = 16
) (
    input  wire clk,
    input  wire en,
    input  wire [IW-1:0] x,
    input  wire [SW-1:0] shift,
    input  wire [PW-1:0] phase,
    input  wire [OW-1:0] low,
    input  wire [OW-1:0] high,
    output reg  [OW-1:0] m,
    output reg  saturated
);
    // Wide enough for the sum, and for the clamp to be compared with.
    localparam W = (IW > OW ? IW : OW) + 2;
    wire signed [W-1:0] wide;
    reg  signed [W-1:0] rounded;
    reg  signed [OW-1:0] bottom, top;
    qssm_resize #(.IW(IW), .OW(W)) fit (.s(x), .m(wide));
    generate
        if (DITHER == 0) begin : g_half
            // floor((x + 2^(s-1)) / 2^s) = (floor(2 x / 2^s) + 1) / 2, which holds for s = 0 too.
            wire signed [W-1:0] twice = {wide[W-2:0], 1'b0};
            wire signed [W-1:0] cut = twice >>> shift;
            wire signed [W-1:0] up = cut + {{(W - 1){1'b0}}, 1'b1};
            wire unused = &{1'b0, phase, up[0], wide[W-1]};
            always @(posedge clk) if (en) rounded <= {up[W-1], up[W-1:1]};
        end else begin : g_dither
            // The phase in the W bits above the binary point of 2^PW, so that the shift leaves d above it.
            wire [W+PW-1:0] spread = {{W{1'b0}}, phase} << shift;
            wire signed [W-1:0] d = spread[W+PW-1:PW];
            wire signed [W-1:0] sum = wide + d;
            wire unused = &{1'b0, spread[PW-1:0]};
            always @(posedge clk) if (en) rounded <= sum >>> shift;
        end
    endgenerate
    wire signed [W-1:0] least = {{(W - OW){bottom[OW-1]}}, bottom};
    wire signed [W-1:0] most = {{(W - OW){top[OW-1]}}, top};
    wire below = rounded < least;
    wire above = rounded > most;
    always @(posedge clk) begin
        if (en) begin
            bottom <= low;
            top <= high;
            m <= below ? bottom : above ? top : rounded[OW-1:0];
            saturated <= below || above;
        end
    end
endmodule
`default_nettype wire
