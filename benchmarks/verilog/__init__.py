"""docs/results/verilog.md: clocks a step of the Verilog cores, and cores placed on boards."""
