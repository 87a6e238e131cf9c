/* Moments of a block of symbols behind a filter of two taps. Sums are in eight parts whatever the instruction set. */
#ifndef RADOME_AUDIOPATH_H
#define RADOME_AUDIOPATH_H
#include "simd.h"

static inline float radome_sum8(radome_v8 v) {
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* u[k] = scale (y[k] + a sums[k]) less its mean, k = 0 to n-1, and u[-1] by the same; n as below. */
static inline void radome_droop(const float *y, const float *sums, ptrdiff_t n, float a, float scale, float *u) {
    radome_v8 sum = {0};
    float mean;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        radome_v8 v = scale * (RADOME_V8(y + k) + a * RADOME_V8(sums + k));
        RADOME_V8(u + k) = v;
        sum += v;
    }
    mean = radome_sum8(sum) / n;
    for (ptrdiff_t k = 0; k < n; k += 8)
        RADOME_V8(u + k) -= mean;
    u[-1] = scale * (y[-1] + a * sums[-1]) - mean;
}

/* Of y[k] = u[k] - r u[k-1], k = 0 to n-1, n a multiple of 8 up to 128: mean square, mean fourth power, and mean product
   with the one before. u[-1] is there. */
static inline void radome_moments(const float *u, ptrdiff_t n, float r, float *second, float *fourth, float *product) {
    float y[8 + 128];
    radome_v8 two = {0}, four = {0}, across = {0};
    RADOME_V8(y) = two;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        radome_v8 v = RADOME_V8(u + k) - r * RADOME_V8(u + k - 1), square = v * v;
        RADOME_V8(y + 8 + k) = v;
        two += square;
        four += square * square;
    }
    for (ptrdiff_t k = 0; k < n; k += 8)
        across += RADOME_V8(y + 8 + k) * RADOME_V8(y + 7 + k);
    *second = radome_sum8(two) / n;
    *fourth = radome_sum8(four) / n;
    *product = radome_sum8(across) / n;
}
#endif
