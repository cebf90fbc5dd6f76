/* lookup: a quantised state-space model that takes one sample a step. Emitted by qssmc; C99, no heap, no float.
 *
 * Input, 2 element(s) of int8_t a sample:
 *   %u : i3[2], integers -4..3
 * Output y of every step, 2 element(s) of int8_t:
 *   Says values: each element is a quantity by itself.
 *   integers; the graph notes no scale
 * Sequences may have any number of steps, so there is no LOOKUP_MAX_STEPS: nothing is summed over them.
 * Memory: 8 bytes of constant tables (packed: see QSSM_TABLE), 0 bytes of state (without alignment).
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdint.h>

#define LOOKUP_INPUTS 2
#define LOOKUP_OUTPUT_Y 2

typedef struct {
    uint8_t stateless;
} lookup_state;

/* Make a state ready for use. */
void lookup_init(lookup_state *s);

/* Back to the state before the first sample. */
void lookup_reset(lookup_state *s);

/* Take one sample. */
void lookup_step(lookup_state *restrict s, const int8_t *restrict sample, int8_t *restrict out);

#endif
