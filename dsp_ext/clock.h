/* One block of the path that dsp_ext/clock.pyx looks for: all phases and drifts. Rows of values, one a drift, have what
   lies round the circle repeated on both sides, each a whole vector wide. */
#ifndef RADOME_CLOCK_H
#define RADOME_CLOCK_H
#include "simd.h"

enum { RADOME_PHASES = 32, RADOME_FASTEST = 5, RADOME_DRIFTS = 2 * RADOME_FASTEST + 1, RADOME_STRIDE = RADOME_PHASES + 16 };

/* From `value` to `next`, both RADOME_DRIFTS rows. score: of each phase, less the best value before. which: 0 for the
   drift before, -1 and 1 for those beside, at the cost of a swerve, 2 for a jump from the best state. Gives the best. */
static inline int radome_clock_step(const float *value, const float *score, float jump, float swerve, float hurry,
                                    float *next, int32_t *which) {
    const radome_v8 zero = {0}, leap = zero + jump, turn = zero + swerve;
    const radome_i8 one = {1, 1, 1, 1, 1, 1, 1, 1}, two = one + one;
    radome_v8 most = zero - 1e30f;
    for (int d = 0; d < RADOME_DRIFTS; d++) {
        const int drift = d - RADOME_FASTEST;
        /* the phase before was this one less the drift; there is no drift beyond the fastest */
        const float *row = value + d * RADOME_STRIDE + 8 - drift;
        const float *left = d ? row - RADOME_STRIDE : row, *right = d < RADOME_DRIFTS - 1 ? row + RADOME_STRIDE : row;
        const radome_v8 cost = zero + hurry * (drift > 0 ? drift : -drift);
        float *to = next + d * RADOME_STRIDE;
        for (int p = 0; p < RADOME_PHASES; p += 8) {
            const radome_v8 straight = RADOME_V8(row + p), a = RADOME_V8(left + p) - turn, b = RADOME_V8(right + p) - turn;
            radome_v8 best = radome_v8_most(straight, a), v;
            radome_i8 from = a > straight, more = b > best;
            from = (radome_i8)radome_v8_choose(more, (radome_v8)one, (radome_v8)from);
            best = radome_v8_most(best, b);
            more = leap > best;
            from = (radome_i8)radome_v8_choose(more, (radome_v8)two, (radome_v8)from);
            best = radome_v8_most(best, leap);
            v = best + (RADOME_V8(score + p) - cost);
            most = radome_v8_most(most, v);
            RADOME_V8(to + 8 + p) = v;
            if (p == 0) RADOME_V8(to + 8 + RADOME_PHASES) = v;
            if (p == RADOME_PHASES - 8) RADOME_V8(to) = v;
            *(radome_i8 *)(which + d * RADOME_PHASES + p) = from;
        }
    }
    float top = most[0];
    for (int j = 1; j < 8; j++) top = most[j] > top ? most[j] : top;
    for (int d = 0; d < RADOME_DRIFTS; d++)
        for (int p = 0; p < RADOME_PHASES; p += 8) {
            const radome_i8 found = RADOME_V8(next + d * RADOME_STRIDE + 8 + p) == top;
            const int lanes = radome_v8_bits(found);
            if (lanes) return d * RADOME_PHASES + p + __builtin_ctz(lanes);
        }
    return 0; /* values that are no numbers */
}
#endif
