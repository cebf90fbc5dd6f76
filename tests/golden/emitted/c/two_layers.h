/* two_layers: a quantised state-space model that takes one sample a step. Emitted by qssmc; C99, no heap, no float.
 *
 * Input, 1 element(s) of uint8_t a sample:
 *   %u : u8[1], integers 0..255
 * Output logits after the last step, 2 element(s) of int32_t:
 *   Says values: each element is a quantity by itself.
 *   integers; the graph notes no scale, divided by the number of steps
 * Sequences may have 174762 steps (TWO_LAYERS_MAX_STEPS). Beyond that, the sums over the steps and the count of steps
 *     stay at their limits where they reach them; nothing wraps, but outputs made of them are no longer exact.
 * Memory: 496 bytes of constant tables (packed: see QSSM_TABLE), 28 bytes of state (without alignment).
 */
#ifndef TWO_LAYERS_H
#define TWO_LAYERS_H

#include <stdint.h>

#define TWO_LAYERS_INPUTS 1
#define TWO_LAYERS_MAX_STEPS 174762
#define TWO_LAYERS_OUTPUT_LOGITS 2

typedef struct {
    int8_t l0_x[8]; /* %l0_x : ci8[3] */
    int8_t l1_x[8]; /* %l1_x : ci8[3] */
    int32_t total[2]; /* %total : i20[2] */
    int32_t steps[1]; /* %steps : u19[1] */
} two_layers_state;

/* Make a state ready for use. */
void two_layers_init(two_layers_state *s);

/* Back to the state before the first sample. */
void two_layers_reset(two_layers_state *s);

/* Take one sample. */
void two_layers_step(two_layers_state *restrict s, const uint8_t *restrict sample);

/* The answer after the last sample. */
void two_layers_last(const two_layers_state *restrict s, int32_t *restrict out);

#endif
