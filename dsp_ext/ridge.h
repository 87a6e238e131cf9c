/* Steps of the dynamic programming in dsp_ext/ridge.pyx, eight states at a time. */
#ifndef RADOME_RIDGE_H
#define RADOME_RIDGE_H
#include "simd.h"

#define RADOME_I8(p) (*(radome_i8 *)(p))

static inline void radome_rise(radome_v8 *high, radome_i8 *way, radome_v8 value, radome_i8 from) {
    /* where another way is better, take it */
    const radome_i8 better = value > *high;
    *way = (from & better) | (*way & ~better);
    *high = radome_v8_most(value, *high);
}

/* What is added to the states of a row: its scores, less what all are brought down by; n floats and up to whole eights. */
static inline void radome_points(const float *restrict score, float down, float *restrict points, ptrdiff_t n) {
    for (ptrdiff_t f = 0; f < n; f++) {
        /* no number says nothing; so that a row of them cannot end all paths, nothing is ruled out for good */
        float each = score[f] < 1e15f ? score[f] : 0;
        points[f] = (each > -1e15f ? each : -1e15f) - down;
    }
    for (; n % 8; n++) points[n] = -1e30f;
}

/* Best of keeping the speed, way 0, and of coming from that below or above, whose values stand `apart`, ways 1 and 2; n is
   a multiple of 8. */
static inline void radome_turns(const float *value, ptrdiff_t apart, float turn, float *from, int32_t *way, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i += 8) {
        radome_v8 high = RADOME_V8(value + i);
        radome_i8 best = {0};
        radome_rise(&high, &best, RADOME_V8(value + i - apart) - turn, (radome_i8){0} + 1);
        radome_rise(&high, &best, RADOME_V8(value + i + apart) - turn, (radome_i8){0} + 2);
        RADOME_V8(from + i) = high;
        RADOME_I8(way + i) = best;
    }
}

/* Then of staying, and of moving by d bins down or up, 3 (2 d - 1) or 6 d onto the way; below `floor`, of jumping, way -1.
   n is a multiple of 8. `most` has each eighth state's largest. */
static inline __attribute__((always_inline)) void radome_moves(const float *from, const int32_t *way, ptrdiff_t reach,
                                                               float move, float floor, const float *points, float *next,
                                                               int32_t *back, float *most, ptrdiff_t n) {
    radome_v8 largest = (radome_v8){0} - 1e30f;
    for (ptrdiff_t f = 0; f < n; f += 8) {
        /* staying first: it wins when all are equal */
        radome_v8 high = RADOME_V8(from + f);
        radome_i8 best = RADOME_I8(way + f);
        for (ptrdiff_t d = 1; d <= reach; d++) {
            const radome_i8 down = (radome_i8){0} + (int32_t)(6 * d - 3);
            radome_rise(&high, &best, RADOME_V8(from + f - d) - move * d, RADOME_I8(way + f - d) + down);
            radome_rise(&high, &best, RADOME_V8(from + f + d) - move * d, RADOME_I8(way + f + d) + down + 3);
        }
        radome_rise(&high, &best, (radome_v8){0} + floor, (radome_i8){0} - 1);
        high += RADOME_V8(points + f);
        RADOME_V8(next + f) = high;
        RADOME_I8(back + f) = best;
        largest = radome_v8_most(high, largest);
    }
    RADOME_V8(most) = largest;
}

static inline void radome_step(const float *from, const int32_t *way, ptrdiff_t reach, float move, float floor,
                               const float *points, float *next, int32_t *back, float *most, ptrdiff_t n) {
    if (reach == 1) /* most often, and then without a loop */
        radome_moves(from, way, 1, move, floor, points, next, back, most, n);
    else
        radome_moves(from, way, reach, move, floor, points, next, back, most, n);
}

/* Place of the first of n values that is as wanted, n a multiple of 8; 0 where none is. */
static inline ptrdiff_t radome_find(const float *value, float wanted, ptrdiff_t n) {
    for (ptrdiff_t f = 0; f < n; f += 8) {
        if (!radome_v8_bits(RADOME_V8(value + f) == wanted))
            continue;
        while (value[f] != wanted) f++;
        return f;
    }
    return 0;
}

/* Largest of the eights in each of some rows */
static inline float radome_highest(const float *most, ptrdiff_t rows) {
    float lanes[8], high;
    memcpy(lanes, most, sizeof lanes);
    for (ptrdiff_t r = 1; r < rows; r++)
        for (int k = 0; k < 8; k++) lanes[k] = most[8 * r + k] > lanes[k] ? most[8 * r + k] : lanes[k];
    high = lanes[0];
    for (int k = 1; k < 8; k++) high = lanes[k] > high ? lanes[k] : high;
    return high;
}
#endif
