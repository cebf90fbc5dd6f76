"""docs/results/crossbar.md and crossbar_complexity.md: designs on arrays with errors."""
