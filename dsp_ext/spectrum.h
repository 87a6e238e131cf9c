/* Steps of the transforms in dsp_ext/spectrum.pyx, eight side by side. */
#ifndef RADOME_SPECTRUM_H
#define RADOME_SPECTRUM_H
#include "simd.h"

/* second turned by c + j s; then sum and difference of the first and it */
static inline void radome_butterfly(float *re0, float *im0, float *re1, float *im1, float c, float s) {
    const radome_v8 x = RADOME_V8(re1) * c - RADOME_V8(im1) * s, y = RADOME_V8(re1) * s + RADOME_V8(im1) * c;
    const radome_v8 re = RADOME_V8(re0), im = RADOME_V8(im0);
    RADOME_V8(re1) = re - x;
    RADOME_V8(im1) = im - y;
    RADOME_V8(re0) = re + x;
    RADOME_V8(im0) = im + y;
}

/* Two steps at once, of values that stand `span` apart: (c, s) is the turn of the second step, (c2, s2) that of the first,
   twice as far. */
static inline void radome_butterflies(float *re, float *im, ptrdiff_t span, float c, float s, float c2, float s2) {
    float *re1 = re + span, *im1 = im + span, *re2 = re1 + span, *im2 = im1 + span, *re3 = re2 + span, *im3 = im2 + span;
    const radome_v8 a = RADOME_V8(re), b = RADOME_V8(im);
    const radome_v8 x1 = RADOME_V8(re1) * c2 - RADOME_V8(im1) * s2, y1 = RADOME_V8(re1) * s2 + RADOME_V8(im1) * c2;
    const radome_v8 e = a + x1, f = b + y1, g = a - x1, h = b - y1;
    const radome_v8 x3 = RADOME_V8(re3) * c2 - RADOME_V8(im3) * s2, y3 = RADOME_V8(re3) * s2 + RADOME_V8(im3) * c2;
    const radome_v8 p = RADOME_V8(re2) + x3, q = RADOME_V8(im2) + y3, u = RADOME_V8(re2) - x3, v = RADOME_V8(im2) - y3;
    const radome_v8 sum_x = p * c - q * s, sum_y = p * s + q * c;
    /* the fourth value's turn is a quarter further back */
    const radome_v8 gap_x = u * s + v * c, gap_y = v * s - u * c;
    RADOME_V8(re) = e + sum_x;
    RADOME_V8(im) = f + sum_y;
    RADOME_V8(re2) = e - sum_x;
    RADOME_V8(im2) = f - sum_y;
    RADOME_V8(re1) = g + gap_x;
    RADOME_V8(im1) = h + gap_y;
    RADOME_V8(re3) = g - gap_x;
    RADOME_V8(im3) = h - gap_y;
}

/* Fourier transforms of m values that stand `apart`, in place, each turned first; turn: m (c, s); circle: those of m-ths */
static inline __attribute__((always_inline)) void radome_few(float *re, float *im, ptrdiff_t apart, int m, const float *turn,
                                                             const float *circle) {
    radome_v8 x[5], y[5];
    for (int r = 0; r < m; r++) {
        const radome_v8 a = RADOME_V8(re + r * apart), b = RADOME_V8(im + r * apart);
        x[r] = a * turn[2 * r] - b * turn[2 * r + 1];
        y[r] = a * turn[2 * r + 1] + b * turn[2 * r];
    }
    for (int q = 0; q < m; q++) {
        radome_v8 a = x[0], b = y[0];
        for (int r = 1; r < m; r++) {
            const float c = circle[2 * (r * q % m)], s = circle[2 * (r * q % m) + 1];
            a += x[r] * c - y[r] * s;
            b += x[r] * s + y[r] * c;
        }
        RADOME_V8(re + q * apart) = a;
        RADOME_V8(im + q * apart) = b;
    }
}

static inline void radome_odd(float *re, float *im, ptrdiff_t apart, ptrdiff_t m, const float *turn, const float *circle) {
    if (m == 3)
        radome_few(re, im, apart, 3, turn, circle);
    else
        radome_few(re, im, apart, 5, turn, circle);
}

/* Two complex items of each of eight rows, times a and b: real and imaginary parts side by side. */
static inline void radome_deal(const float *const *rows, ptrdiff_t item, float a, float b, float *re0, float *im0, float *re1,
                               float *im1) {
    for (int half = 0; half < 8; half += 4) {
        radome_v4 v[4], x, y, z, w;
        for (int k = 0; k < 4; k++) memcpy(&v[k], rows[half + k] + 2 * item, sizeof v[k]);
        x = RADOME_V4_LANES(v[0], v[1], 0, 4, 1, 5);
        y = RADOME_V4_LANES(v[2], v[3], 0, 4, 1, 5);
        z = RADOME_V4_LANES(v[0], v[1], 2, 6, 3, 7);
        w = RADOME_V4_LANES(v[2], v[3], 2, 6, 3, 7);
        v[0] = a * RADOME_V4_LANES(x, y, 0, 1, 4, 5);
        v[1] = a * RADOME_V4_LANES(x, y, 2, 3, 6, 7);
        v[2] = b * RADOME_V4_LANES(z, w, 0, 1, 4, 5);
        v[3] = b * RADOME_V4_LANES(z, w, 2, 3, 6, 7);
        memcpy(re0 + half, &v[0], sizeof v[0]);
        memcpy(im0 + half, &v[1], sizeof v[1]);
        memcpy(re1 + half, &v[2], sizeof v[2]);
        memcpy(im1 + half, &v[3], sizeof v[3]);
    }
}

static inline void radome_power(const float *re, const float *im, float *sums) {
    RADOME_V8(sums) += RADOME_V8(re) * RADOME_V8(re) + RADOME_V8(im) * RADOME_V8(im);
}

/* the same for the lanes from `first` up to `stop` only */
static inline void radome_power_of(const float *re, const float *im, int first, int stop, float *sums) {
    const radome_i8 lane = {0, 1, 2, 3, 4, 5, 6, 7}, some = (lane >= first) & (lane < stop);
    const radome_v8 power = RADOME_V8(re) * RADOME_V8(re) + RADOME_V8(im) * RADOME_V8(im);
    RADOME_V8(sums) += (radome_v8)((radome_i8)power & some);
}

/* Natural logarithms in place, of what is no less than 1.2e-38: with x = 2^e (1 + m), M. Abramowitz, I. A. Stegun, Handbook
   of Mathematical Functions, 1964, 4.1.44 for ln(1 + m); error below 1e-7 and the rounding of the sum. What is no number
   gives some finite one. */
static inline void radome_log(float *x) {
    const radome_i8 bits = *(const radome_i8 *)x, one = (bits & 0x7fffff) | 0x3f800000;
    radome_v8 m, y, power = __builtin_convertvector((bits >> 23) - 127, radome_v8);
    memcpy(&m, &one, sizeof m);
    m -= 1;
    y = -.0064535442f * m + .0360884937f;
    y = y * m - .0953293897f;
    y = y * m + .1676540711f;
    y = y * m - .2407338084f;
    y = y * m + .3317990258f;
    y = y * m - .4998741238f;
    y = y * m + .9999964239f;
    RADOME_V8(x) = y * m + power * .6931471806f;
}

#endif
