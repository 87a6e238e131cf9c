/* Two-means clustering of a window, for dsp_ext/level.pyx. Lanes are the same for every instruction set. */
#ifndef RADOME_LEVEL_H
#define RADOME_LEVEL_H
#include "simd.h"
#include <math.h>

enum { RADOME_WINDOW = 128, RADOME_ROUNDS = 5, RADOME_PIECE = 64 };
#define RADOME_ALIKE 0.25f /* part of the power that repeats in a row; in data an eighth */
#define RADOME_OFF 0.3f    /* deviations that the mean is off midway, in a row */
#define RADOME_EYE 0.855f  /* half the opening of the eye for a deviation of 1 */

typedef struct {
    float middle; /* of the two classes' means */
    float limit;  /* how far apart these are; what is further from the middle is a click, not a level */
    float fewer;  /* symbols in the smaller class */
    float weight; /* power that the classes account for */
    int settled;
} radome_classes;

static inline float radome_level_mean(const float *x) {
    radome_v8 a = {0}, b = {0};
    for (int i = 0; i < RADOME_WINDOW; i += 16) {
        a += RADOME_V8(x + i);
        b += RADOME_V8(x + i + 8);
    }
    return radome_v8_sum(a + b) / RADOME_WINDOW;
}

/* midway between the extremes, as far as they are no further from the middle than the limit */
static inline float radome_level_midway(const float *x, float middle, float limit) {
    radome_v8 high = RADOME_V8(x), low = high;
    for (int i = 8; i < RADOME_WINDOW; i += 8) {
        high = radome_v8_most(high, RADOME_V8(x + i));
        low = radome_v8_least(low, RADOME_V8(x + i));
    }
    float top = high[0], bottom = low[0];
    for (int j = 1; j < 8; j++) {
        top = high[j] > top ? high[j] : top;
        bottom = low[j] < bottom ? low[j] : bottom;
    }
    top = top < middle + limit ? top : middle + limit;
    bottom = bottom > middle - limit ? bottom : middle - limit;
    return (top + bottom) / 2;
}

/* A row of HDLC flags, where symbols of one kind are many, and noise among them passes for the other. What repeats every
   16 values, of which a symbol has one or two, is averaged, so that both levels show: how many values are high tells by
   how many deviations the mean of all is off the centre. The deviation is the told one, or the more the row stands out of
   the noise, the seen one. 0 where there is no such row; else centre and deviation are found. */
static inline int radome_level_row(const float *x, float *centre, float *deviation) {
    enum { TIMES = RADOME_WINDOW / 16 };
    const radome_v8 zero = {0};
    radome_v8 a = zero, b = zero, squares = zero;
    for (int i = 0; i < RADOME_WINDOW; i += 16) {
        const radome_v8 v = RADOME_V8(x + i) - *centre, w = RADOME_V8(x + i + 8) - *centre;
        a += v, b += w;
        squares += v * v + w * w;
    }
    a *= 1.0f / TIMES, b *= 1.0f / TIMES;
    const float sum = radome_v8_sum(a + b), mean = sum / 16;
    const float all = radome_v8_sum(squares) / RADOME_WINDOW - mean * mean;
    const float sure = ((radome_v8_sum(a * a + b * b) / 16 - mean * mean) / all - RADOME_ALIKE) / (1 - RADOME_ALIKE);
    if (!(sure > 0)) return 0;
    const radome_v8 high = radome_v8_most(a, b), low = radome_v8_least(a, b);
    float top = high[0], bottom = low[0];
    for (int j = 1; j < 8; j++) {
        top = high[j] > top ? high[j] : top;
        bottom = low[j] < bottom ? low[j] : bottom;
    }
    const float midway = (top + bottom) / 2;
    const radome_i8 up = a > zero + midway, over = b > zero + midway;
    const float many = -radome_v8_sum(__builtin_convertvector(up + over, radome_v8));
    const float highs = radome_v8_sum((radome_v8)((radome_i8)a & up) + (radome_v8)((radome_i8)b & over));
    const float seen = (highs / many - (sum - highs) / (16 - many)) / 2 / RADOME_EYE;
    const float told = *deviation, clear = seen < told ? seen : told;
    /* one that is told too large must not hide a row that stands out */
    if (fabsf(mean - midway) < RADOME_OFF * (told + sure * (clear - told))) return 0;
    *deviation += sure * sure * (seen - told);
    *centre += mean - (many / 8 - 1) * *deviation;
    return 1;
}

/* one round: parted at the middle, which moves midway between the parts' means */
static inline void radome_level_round(const float *x, radome_classes *to) {
    const radome_v8 zero = {0}, middle = zero + to->middle, top = zero + to->limit, bottom = zero - to->limit;
    radome_v8 high[2] = {{0}, {0}}, all[2] = {{0}, {0}};
    radome_i8 many[2] = {{0}, {0}};
    for (int i = 0; i < RADOME_WINDOW; i += 16)
        for (int j = 0; j < 2; j++) {
            const radome_v8 v = radome_v8_most(radome_v8_least(RADOME_V8(x + i + 8 * j) - middle, top), bottom);
            const radome_v8 up = radome_v8_most(v, zero);
            high[j] += up;
            all[j] += v;
            many[j] -= v > 0;
        }
    const float above = radome_v8_sum(high[0] + high[1]), total = radome_v8_sum(all[0] + all[1]);
    const float count = radome_v8_sum(__builtin_convertvector(many[0] + many[1], radome_v8));
    const float rest = RADOME_WINDOW - count;
    const float mean_high = above / (count > 0 ? count : 1), mean_low = (total - above) / (rest > 0 ? rest : 1);
    const float moved = (mean_high + mean_low) / 2, apart = mean_high - mean_low;
    to->settled = fabsf(moved) + fabsf(to->limit - apart) <= 1e-5f * apart;
    to->middle += moved;
    to->limit = apart;
    to->fewer = count < rest ? count : rest;
    to->weight = count * rest * apart * apart;
}

/* two windows in turn, as a round waits long for its sums; one that is settled already stays as it is */
static inline void radome_level_part(const float *x0, radome_classes *to0, const float *x1, radome_classes *to1) {
    for (int k = 0; k < RADOME_ROUNDS && !(to0->settled && to1->settled); k++) {
        if (!to0->settled) radome_level_round(x0, to0);
        if (!to1->settled) radome_level_round(x1, to1);
    }
}

/* what two levels leave of a window, of what it has about their centre; 0.36 of noise. What is further from the centre than
   they are apart is a click. */
static inline float radome_level_rest(const float *x, float centre, float swing) {
    const radome_v8 zero = {0}, top = zero + 2 * swing;
    radome_v8 left = zero, all = zero;
    for (int i = 0; i < RADOME_WINDOW; i += 8) {
        const radome_v8 v = RADOME_V8(x + i) - centre, w = radome_v8_least(radome_v8_most(v, -v), top);
        left += (w - swing) * (w - swing);
        all += w * w;
    }
    return radome_v8_sum(left) / (radome_v8_sum(all) + 1e-30f);
}

/* what levels leave of a piece: squares of the distances from the nearer one, none of which counts more than `most` */
static inline float radome_level_left(const float *x, float centre, float swing, float most) {
    const radome_v8 zero = {0}, middle = zero + centre, level = zero + swing, limit = zero + most;
    radome_v8 left = zero;
    for (int i = 0; i < RADOME_PIECE; i += 8) {
        const radome_v8 v = RADOME_V8(x + i) - middle, off = radome_v8_most(v, -v) - level;
        left += radome_v8_least(off * off, limit);
    }
    return radome_v8_sum(left);
}
#endif
