/* Sums of dsp_ext/strobe.pyx, four at a time. */
#ifndef RADOME_STROBE_H
#define RADOME_STROBE_H
#include "simd.h"

/* Lanes of two vectors, those of the second from RADOME_LANES on. */
#if defined(__clang__) || __GNUC__ >= 12
#define RADOME_PICK(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#define RADOME_PICK(x, y, ...) __builtin_shuffle(x, y, (radome_vi){__VA_ARGS__})
#endif

/* Sums of the even and of the odd lanes of four vectors: halves added until a pair is left of each. */
static inline void radome_fold_four(radome_vf a, radome_vf b, radome_vf c, radome_vf d, float *y) {
#if RADOME_LANES == 16
    const radome_vf ab = RADOME_PICK(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                         RADOME_PICK(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const radome_vf cd = RADOME_PICK(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                         RADOME_PICK(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    const radome_vf all = RADOME_PICK(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                          RADOME_PICK(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    const radome_vf sums = all + RADOME_SHUFFLE(all, all, 2, 3, 0, 1);
    const radome_vf made = RADOME_PICK(sums, sums, 0, 1, 4, 5, 8, 9, 12, 13, 0, 1, 4, 5, 8, 9, 12, 13);
    memcpy(y, &made, 8 * sizeof(float));
#elif RADOME_LANES == 8
    const radome_vf ab = RADOME_PICK(a, b, 0, 1, 2, 3, 8, 9, 10, 11) + RADOME_PICK(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    const radome_vf cd = RADOME_PICK(c, d, 0, 1, 2, 3, 8, 9, 10, 11) + RADOME_PICK(c, d, 4, 5, 6, 7, 12, 13, 14, 15);
    const radome_vf made = RADOME_PICK(ab, cd, 0, 1, 4, 5, 8, 9, 12, 13) + RADOME_PICK(ab, cd, 2, 3, 6, 7, 10, 11, 14, 15);
    memcpy(y, &made, sizeof made);
#else
    const radome_vf ab = RADOME_PICK(a, b, 0, 1, 4, 5) + RADOME_PICK(a, b, 2, 3, 6, 7);
    const radome_vf cd = RADOME_PICK(c, d, 0, 1, 4, 5) + RADOME_PICK(c, d, 2, 3, 6, 7);
    memcpy(y, &ab, sizeof ab);
    memcpy(y + 4, &cd, sizeof cd);
#endif
}

/* Sums of x[i]*h[i] over the even i and over the odd ones, for four x and h of n floats, n a multiple of RADOME_LANES. One
   chain of additions each: the four fill the time that an addition takes. */
static inline void radome_strobe(const float *const *x, const float *const *h, ptrdiff_t n, float *y) {
    const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *h0 = h[0], *h1 = h[1], *h2 = h[2], *h3 = h[3];
    radome_vf a = {0}, b = {0}, c = {0}, d = {0};
    for (ptrdiff_t i = 0; i < n; i += RADOME_LANES) {
        a = RADOME_ADD(a, radome_load(x0 + i), radome_load(h0 + i));
        b = RADOME_ADD(b, radome_load(x1 + i), radome_load(h1 + i));
        c = RADOME_ADD(c, radome_load(x2 + i), radome_load(h2 + i));
        d = RADOME_ADD(d, radome_load(x3 + i), radome_load(h3 + i));
    }
    radome_fold_four(a, b, c, d, y);
}
#endif
