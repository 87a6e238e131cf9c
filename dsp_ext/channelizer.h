/* Steps of dsp_ext/channelizer.pyx about its transforms. */
#ifndef RADOME_CHANNELIZER_H
#define RADOME_CHANNELIZER_H
#include "simd.h"

/* Sums over `rows` rows of `width` floats, a multiple of 8, each float times its tap; of `outputs`, 4 or 1, that begin a
   row apart, into sums that stand `apart`. A value and a tap that are loaded serve four. */
static inline void radome_arms(const float *x, const float *taps, ptrdiff_t width, ptrdiff_t rows, ptrdiff_t outputs,
                               float *sums, ptrdiff_t apart) {
    for (ptrdiff_t i = 0; i < width; i += 8) {
        const float *v = x + i, *h = taps + i, *stop = h + rows * width;
        radome_v8 a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
#define RADOME_ROW(p) (*(const radome_v8 *)(p))
#define RADOME_STEP(first, second, third, fourth)                                                             \
    {                                                                                                         \
        const radome_v8 tap = RADOME_ROW(h);                                                                  \
        fourth = RADOME_ROW(v);                                                                               \
        a0 += first * tap;                                                                                    \
        a1 += second * tap;                                                                                   \
        a2 += third * tap;                                                                                    \
        a3 += fourth * tap;                                                                                   \
        v += width;                                                                                           \
        h += width;                                                                                           \
        if (h == stop) break;                                                                                 \
    }
        if (outputs == 4) {
            radome_v8 x0 = RADOME_ROW(v), x1 = RADOME_ROW(v + width), x2 = RADOME_ROW(v + 2 * width), x3;
            v += 3 * width;
            for (;;) {
                RADOME_STEP(x0, x1, x2, x3)
                RADOME_STEP(x1, x2, x3, x0)
                RADOME_STEP(x2, x3, x0, x1)
                RADOME_STEP(x3, x0, x1, x2)
            }
            RADOME_V8(sums + i + apart) = a1;
            RADOME_V8(sums + i + 2 * apart) = a2;
            RADOME_V8(sums + i + 3 * apart) = a3;
        } else
            for (; h != stop; v += width, h += width) a0 += RADOME_ROW(v) * RADOME_ROW(h);
        RADOME_V8(sums + i) = a0;
#undef RADOME_STEP
#undef RADOME_ROW
    }
}

#define RADOME_LOW(x, y) RADOME_V8_LANES(x, y, 0, 8, 1, 9, 4, 12, 5, 13)
#define RADOME_HIGH(x, y) RADOME_V8_LANES(x, y, 2, 10, 3, 11, 6, 14, 7, 15)
#define RADOME_LOWS(x, y) RADOME_V8_LANES(x, y, 0, 1, 8, 9, 4, 5, 12, 13)
#define RADOME_HIGHS(x, y) RADOME_V8_LANES(x, y, 2, 3, 10, 11, 6, 7, 14, 15)
#define RADOME_FIRST(x, y) RADOME_V8_LANES(x, y, 0, 1, 2, 3, 8, 9, 10, 11)
#define RADOME_SECOND(x, y) RADOME_V8_LANES(x, y, 4, 5, 6, 7, 12, 13, 14, 15)

/* Four complex values of eight streams, each in turn where `from` says, as real and imaginary parts of the eight side by
   side: value k at place[k]. A transposition of 8 by 8 floats. */
static inline void radome_spread(const float *const *from, ptrdiff_t at, const int *place, float *re, float *im) {
    radome_v8 x[8], y[8];
    for (int k = 0; k < 8; k++) x[k] = *(const radome_v8 *)(from[k] + at);
    for (int k = 0; k < 8; k += 4) {
        const radome_v8 a = RADOME_LOW(x[k], x[k + 1]), b = RADOME_HIGH(x[k], x[k + 1]);
        const radome_v8 c = RADOME_LOW(x[k + 2], x[k + 3]), d = RADOME_HIGH(x[k + 2], x[k + 3]);
        y[k] = RADOME_LOWS(a, c);
        y[k + 1] = RADOME_HIGHS(a, c);
        y[k + 2] = RADOME_LOWS(b, d);
        y[k + 3] = RADOME_HIGHS(b, d);
    }
    RADOME_V8(re + 8 * place[0]) = RADOME_FIRST(y[0], y[4]);
    RADOME_V8(im + 8 * place[0]) = RADOME_FIRST(y[1], y[5]);
    RADOME_V8(re + 8 * place[1]) = RADOME_FIRST(y[2], y[6]);
    RADOME_V8(im + 8 * place[1]) = RADOME_FIRST(y[3], y[7]);
    RADOME_V8(re + 8 * place[2]) = RADOME_SECOND(y[0], y[4]);
    RADOME_V8(im + 8 * place[2]) = RADOME_SECOND(y[1], y[5]);
    RADOME_V8(re + 8 * place[3]) = RADOME_SECOND(y[2], y[6]);
    RADOME_V8(im + 8 * place[3]) = RADOME_SECOND(y[3], y[7]);
}
#endif
