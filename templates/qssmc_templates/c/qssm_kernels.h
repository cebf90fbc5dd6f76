/* Kernels that every emitted model shares: rounding shifts, saturation, matrix products, normalisation. */
#ifndef QSSM_KERNELS_H
#define QSSM_KERNELS_H

#include <stdint.h>

#if defined(__GNUC__)
#define QSSM_INLINE static inline __attribute__((always_inline))
#else
#define QSSM_INLINE static inline
#endif

/* The type of a table that loops over lanes read: their own width where registers are wide, packed elsewhere. */
#if defined(__AVX2__) && !defined(QSSM_PACKED_TABLES)
#define QSSM_TABLE(packed, wide) wide
#else
#define QSSM_TABLE(packed, wide) packed
#endif

/* A right shift of a negative number must be arithmetic, and int must hold 32 bits. */
typedef char qssm_shift_is_arithmetic[((-3) >> 1) == -2 ? 1 : -1];
typedef char qssm_int_holds_32_bits[sizeof(int) >= 4 ? 1 : -1];

/* floor((x + 2^(n-1)) / 2^n) with factor = 2^(15-n), n = 1 to 15: the rounding multiply-high of vector units. */
QSSM_INLINE int16_t qssm_round_shift_i16(int16_t x, int16_t factor)
{
    return (int16_t)((((int32_t)x * factor >> 14) + 1) >> 1);
}

/* floor((x + half) / 2^n) for a sum of 16 bits: rounds where half = 2^(n-1), or 0 with n = 0. */
QSSM_INLINE int16_t qssm_add_shift_i16(int16_t x, int16_t half, int n)
{
    return (int16_t)((int16_t)(x + half) >> n);
}

/* floor(x * factor / 2^16): the multiply-high of vector units. */
QSSM_INLINE int16_t qssm_multiply_high_i16(int16_t x, int16_t factor)
{
    return (int16_t)((int32_t)x * factor >> 16);
}

/* floor((x + 2^(n-1)) / 2^n) with less_one = n - 1: nothing is added before bits have fallen away. */
QSSM_INLINE int32_t qssm_round_shift_i32(int32_t x, int32_t less_one)
{
    return ((x >> less_one) + 1) >> 1;
}

QSSM_INLINE int64_t qssm_round_shift_i64(int64_t x, int64_t less_one)
{
    return ((x >> less_one) + 1) >> 1;
}

/* Saturation to low..high. */
QSSM_INLINE int16_t qssm_clamp_i16(int16_t x, int16_t low, int16_t high)
{
    const int16_t raised = x < low ? low : x;
    return raised > high ? high : raised;
}

QSSM_INLINE int32_t qssm_clamp_i32(int32_t x, int32_t low, int32_t high)
{
    const int32_t raised = x < low ? low : x;
    return raised > high ? high : raised;
}

QSSM_INLINE int64_t qssm_clamp_i64(int64_t x, int64_t low, int64_t high)
{
    const int64_t raised = x < low ? low : x;
    return raised > high ? high : raised;
}

/* floor(sqrt(value)) for value < 2^bits, bits even: one result bit a turn, from the highest. */
QSSM_INLINE uint64_t qssm_isqrt(uint64_t value, int bits)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << (bits - 2); bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return root;
}

/* y = weight * x + bias; bias may be NULL. weight is stored [input][output], so that the inner loop runs over outputs,
   each with a sum of its own. y_t holds every partial sum. */
#define QSSM_MATVEC(name, w_t, x_t, b_t, y_t)                                                                         \
    QSSM_INLINE void name(y_t *restrict y, const w_t *restrict weight, const x_t *restrict x,                         \
                          const b_t *restrict bias, int outs, int ins)                                                \
    {                                                                                                                 \
        const int fours = ins / 4 * 4;                                                                                \
        for (int o = 0; o < outs; o++) {                                                                              \
            y[o] = bias ? (y_t)bias[o] : (y_t)0;                                                                      \
        }                                                                                                             \
        for (int i = 0; i < fours; i += 4) {                                                                          \
            const w_t *restrict w = weight + i * outs;                                                                \
            const y_t x0 = (y_t)x[i], x1 = (y_t)x[i + 1], x2 = (y_t)x[i + 2], x3 = (y_t)x[i + 3];                     \
            for (int o = 0; o < outs; o++) {                                                                          \
                y[o] = (y_t)(y[o] + x0 * w[o] + x1 * w[outs + o] + x2 * w[2 * outs + o] + x3 * w[3 * outs + o]);      \
            }                                                                                                         \
        }                                                                                                             \
        for (int i = fours; i < ins; i++) {                                                                           \
            const w_t *restrict w = weight + i * outs;                                                                \
            const y_t x0 = (y_t)x[i];                                                                                 \
            for (int o = 0; o < outs; o++) {                                                                          \
                y[o] = (y_t)(y[o] + x0 * w[o]);                                                                       \
            }                                                                                                         \
        }                                                                                                             \
    }

/* Sums of pairs of products where vector units have an instruction for them: width vectors of 8 outputs at a time. */
#if defined(__AVX2__) && !defined(QSSM_PACKED_TABLES) && defined(__has_builtin)
#if __has_builtin(__builtin_ia32_pmaddwd256)
#define QSSM_HAS_PAIRS
#endif
#endif
#ifdef QSSM_HAS_PAIRS
typedef int16_t qssm_i16x16 __attribute__((vector_size(32)));
typedef int32_t qssm_i32x8 __attribute__((vector_size(32)));
typedef int16_t qssm_i16x16_at __attribute__((vector_size(32), aligned(2), may_alias));
typedef int32_t qssm_i32x8_at __attribute__((vector_size(32), aligned(4), may_alias));
#define QSSM_PAIRS_OF_WIDTH(y, weight, x, outs, pairs, done, width)                                                   \
    for (; done + 8 * width <= outs; done += 8 * width) {                                                             \
        qssm_i32x8 sum[width];                                                                                        \
        for (int k = 0; k < width; k++) {                                                                             \
            sum[k] = *(const qssm_i32x8_at *)(y + done + 8 * k);                                                      \
        }                                                                                                             \
        for (int i = 0; i < pairs; i++) {                                                                             \
            const uint32_t low = (uint32_t)x[2 * i] & 65535u, high = (uint32_t)x[2 * i + 1] << 16;                    \
            const int32_t pair = (int32_t)(low | high);                                                               \
            const qssm_i32x8 all = {pair, pair, pair, pair, pair, pair, pair, pair};                                  \
            for (int k = 0; k < width; k++) {                                                                         \
                const qssm_i16x16_at *const w = (const void *)(weight + 2 * (i * outs + done + 8 * k));               \
                sum[k] += (qssm_i32x8)__builtin_ia32_pmaddwd256((qssm_i16x16)all, *w);                                \
            }                                                                                                         \
        }                                                                                                             \
        for (int k = 0; k < width; k++) {                                                                             \
            *(qssm_i32x8_at *)(y + done + 8 * k) = sum[k];                                                            \
        }                                                                                                             \
    }
#define QSSM_PAIRS_IN_VECTORS(y, weight, x, outs, pairs)                                                              \
    int done = 0;                                                                                                     \
    QSSM_PAIRS_OF_WIDTH(y, weight, x, outs, pairs, done, 8)                                                           \
    QSSM_PAIRS_OF_WIDTH(y, weight, x, outs, pairs, done, 1)
#define QSSM_OUTPUTS_IN_VECTORS(outs) ((outs) / 8 * 8)
#else
#define QSSM_PAIRS_IN_VECTORS(y, weight, x, outs, pairs)
#define QSSM_OUTPUTS_IN_VECTORS(outs) 0
#endif

/* y = weight * x + bias for operands of 16 bits at most and sums of 32; bias may be NULL. weight is stored [pair of
   inputs][output][2], and a last odd input [output] behind them: neighbours in memory are the products of one sum. */
#define QSSM_MATVEC_PAIRS(name, w_t, x_t, b_t)                                                                        \
    QSSM_INLINE void name(int32_t *restrict y, const QSSM_TABLE(w_t, int16_t) *restrict weight,                       \
                          const x_t *restrict x, const b_t *restrict bias, int outs, int ins)                         \
    {                                                                                                                 \
        const int pairs = ins / 2;                                                                                    \
        for (int o = 0; o < outs; o++) {                                                                              \
            y[o] = bias ? (int32_t)bias[o] : 0;                                                                       \
        }                                                                                                             \
        QSSM_PAIRS_IN_VECTORS(y, weight, x, outs, pairs)                                                              \
        for (int i = 0; i < pairs; i++) {                                                                             \
            const int32_t x0 = x[2 * i], x1 = x[2 * i + 1];                                                           \
            for (int o = QSSM_OUTPUTS_IN_VECTORS(outs); o < outs; o++) {                                              \
                y[o] = y[o] + x0 * weight[2 * (i * outs + o)] + x1 * weight[2 * (i * outs + o) + 1];                  \
            }                                                                                                         \
        }                                                                                                             \
        for (int o = 0; ins % 2 && o < outs; o++) {                                                                   \
            y[o] = y[o] + x[ins - 1] * weight[2 * pairs * outs + o];                                                  \
        }                                                                                                             \
    }

/* y = (n x - s) * floor(2^frac / max(1, isqrt(n sum(x^2) - s^2 + eps))), s = sum(x). sum_t holds n^2 max(x^2) + eps,
   which is below 2^bits. */
#define QSSM_NORMALIZE(name, x_t, sum_t, y_t)                                                                         \
    QSSM_INLINE void name(y_t *restrict y, const x_t *restrict x, int n, sum_t eps, int frac, int bits, int centred)  \
    {                                                                                                                 \
        sum_t sum = 0, squares = 0;                                                                                   \
        for (int i = 0; i < n; i++) {                                                                                 \
            const sum_t value = (sum_t)x[i];                                                                          \
            sum = (sum_t)(sum + (centred ? value : 0));                                                               \
            squares = (sum_t)(squares + value * value);                                                               \
        }                                                                                                             \
        const uint64_t root = qssm_isqrt((uint64_t)((sum_t)(n * squares - sum * sum) + (int64_t)eps), bits);          \
        const int64_t reciprocal = ((int64_t)1 << frac) / (int64_t)(root > 1 ? root : 1);                             \
        for (int i = 0; i < n; i++) {                                                                                 \
            y[i] = (y_t)((n * (int64_t)x[i] - sum) * reciprocal);                                                     \
        }                                                                                                             \
    }

#endif
