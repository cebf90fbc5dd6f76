/* one_head: a quantised state-space model that takes one sample a step. Emitted by qssmc; C99, no heap, no float.
 *
 * Input, 1 element(s) of uint8_t a sample:
 *   %u : u8[1], integers 0..255
 * Output mean after the last step, 2 element(s) of int32_t:
 *   Says values: each element is a quantity by itself.
 *   integers; the graph notes no scale
 * Sequences may have 4369 steps (ONE_HEAD_MAX_STEPS). Beyond that, the sums over the steps and the count of steps stay
 *     at their limits where they reach them; nothing wraps, but outputs made of them are no longer exact.
 * Memory: 18 bytes of constant tables (packed: see QSSM_TABLE), 8 bytes of state (without alignment).
 */
#ifndef ONE_HEAD_H
#define ONE_HEAD_H

#include <stdint.h>

#define ONE_HEAD_INPUTS 1
#define ONE_HEAD_MAX_STEPS 4369
#define ONE_HEAD_OUTPUT_MEAN 2

typedef struct {
    int8_t x[4]; /* %x : ci8[2] */
    int32_t pooled[1]; /* %pooled : i20[1] */
} one_head_state;

/* Make a state ready for use. */
void one_head_init(one_head_state *s);

/* Back to the state before the first sample. */
void one_head_reset(one_head_state *s);

/* Take one sample. */
void one_head_step(one_head_state *restrict s, const uint8_t *restrict sample);

/* The answer after the last sample. */
void one_head_last(const one_head_state *restrict s, int32_t *restrict out);

#endif
