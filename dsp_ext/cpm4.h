/* One symbol of the search in dsp_ext/cpm4.pyx, for all sixteen states side by side.

   State s after symbol n: 4 d[n] + d[n+1], d from 0 for the lowest level to 3. It is reached from the four states
   4 k + (s >> 2), k = d[n-1], and the signal during symbol n is that of k and s. */
#ifndef RADOME_CPM4_H
#define RADOME_CPM4_H
#include "cpm.h"

typedef struct {
    radome_v8 wave_re[4][4][2], wave_im[4][4][2]; /* half of it: by k and place in the symbol, states 0 to 7 and 8 to 15 */
    float turn_re[4], turn_im[4];                 /* by what symbol k turns the phase for good */
} radome_cpm4_waves;

typedef struct {
    radome_v8 metric[2], re[2], im[2], inverse[2]; /* as radome_cpm_paths */
} radome_cpm4_paths;

typedef struct {
    radome_v8 of[2]; /* of each state: by how much its path is worse than the best one */
} radome_cpm4_costs;

/* Turned by a frequency that runs straight, n symbols (a multiple of 8), cos + j sin: of the first eight, of what turns
   each to the one eight on, and of what turns that in the same time */
static inline void radome_cpm_phasors(const float *cosine, const float *sine, const float *step_cosine,
                                      const float *step_sine, float hop_cosine, float hop_sine, int n, float *c, float *s) {
    radome_v8 re = RADOME_V8(cosine), im = RADOME_V8(sine), step_re = RADOME_V8(step_cosine),
              step_im = RADOME_V8(step_sine);
    for (int i = 0; i < n; i += 8) {
        RADOME_V8(c + i) = re;
        RADOME_V8(s + i) = im;
        const radome_v8 next = re * step_re - im * step_im;
        im = re * step_im + im * step_re;
        re = next;
        const radome_v8 more = step_re * hop_cosine - step_im * hop_sine;
        step_im = step_re * hop_sine + step_im * hop_cosine;
        step_re = more;
    }
}

/* u = y times w, itself turned by c + j s; w as (re, re, ...) and (-im, im, ...) */
static inline void radome_cpm_turn(const float *y, const float *w_re, const float *w_im, float c, float s, float *u) {
    const radome_v8 sine = {-s, s, -s, s, -s, s, -s, s};
    radome_v8 v = RADOME_V8(y);
    v = v * RADOME_V8(w_re) + RADOME_CPM_SWAP(v) * RADOME_V8(w_im);
    RADOME_V8(u) = v * c + RADOME_CPM_SWAP(v) * sine;
}

/* lanes 2 at and 2 at + 1, four times each: of states 4 k + (s >> 2) what state s comes from */
static inline radome_v8 radome_cpm4_spread(radome_v8 v, int at) {
    switch (at) {
    case 0: return RADOME_V8_LANES(v, v, 0, 0, 0, 0, 1, 1, 1, 1);
    case 1: return RADOME_V8_LANES(v, v, 2, 2, 2, 2, 3, 3, 3, 3);
    case 2: return RADOME_V8_LANES(v, v, 4, 4, 4, 4, 5, 5, 5, 5);
    default: return RADOME_V8_LANES(v, v, 6, 6, 6, 6, 7, 7, 7, 7);
    }
}

/* least of lanes 0 and 1, 2 and 3, and so on, of two vectors */
static inline radome_v8 radome_cpm4_pairs(radome_v8 a, radome_v8 b) {
    return radome_v8_least(RADOME_V8_LANES(a, b, 0, 2, 4, 6, 8, 10, 12, 14),
                           RADOME_V8_LANES(a, b, 1, 3, 5, 7, 9, 11, 13, 15));
}

/* z = sums of x conj(wave) over the four samples x, by k and state: 64 real parts, then the imaginary ones */
static inline void radome_cpm4_match(const float *x, const radome_cpm4_waves *waves, float *z) {
    for (int k = 0; k < 4; k++)
        for (int half = 0; half < 2; half++) {
            radome_v8 re = {0}, im = {0};
            for (int j = 0; j < 4; j++) {
                re += x[2 * j] * waves->wave_re[k][j][half] + x[2 * j + 1] * waves->wave_im[k][j][half];
                im += x[2 * j + 1] * waves->wave_re[k][j][half] - x[2 * j] * waves->wave_im[k][j][half];
            }
            RADOME_V8(z + 16 * k + 8 * half) = re;
            RADOME_V8(z + 64 + 16 * k + 8 * half) = im;
        }
}

/* loss: by k and state, what the path by way of k is worse than the best one into that state */
static inline void radome_cpm4_step(const float *z, const radome_cpm4_waves *waves, float keep,
                                    radome_cpm4_paths *paths, float *loss) {
    radome_cpm4_paths next;
    for (int half = 0; half < 2; half++) {
        radome_v8 metric[4], best, re, im;
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++) {
            const int at = 2 * (k & 1) + half;
            const radome_v8 z_re = RADOME_V8(z + 16 * k + 8 * half), z_im = RADOME_V8(z + 64 + 16 * k + 8 * half);
            const radome_v8 r = radome_cpm4_spread(paths->re[k >> 1], at), i = radome_cpm4_spread(paths->im[k >> 1], at);
            metric[k] = radome_cpm4_spread(paths->metric[k >> 1], at) +
                        (z_re * r + z_im * i) * radome_cpm4_spread(paths->inverse[k >> 1], at);
            const radome_v8 s_re = z_re + keep * r, s_im = z_im + keep * i;
            const radome_v8 t_re = s_re * waves->turn_re[k] - s_im * waves->turn_im[k],
                            t_im = s_re * waves->turn_im[k] + s_im * waves->turn_re[k];
            if (k == 0) {
                best = metric[0], re = t_re, im = t_im;
            } else {
                const radome_i8 mask = metric[k] > best;
                best = radome_v8_choose(mask, metric[k], best);
                re = radome_v8_choose(mask, t_re, re);
                im = radome_v8_choose(mask, t_im, im);
            }
        }
        for (int k = 0; k < 4; k++) RADOME_V8(loss + 16 * k + 8 * half) = best - metric[k];
        next.metric[half] = best;
        next.re[half] = re;
        next.im[half] = im;
        next.inverse[half] = radome_cpm_inverse(re * re + (im * im + 1e-30f));
    }
    *paths = next;
}

/* the best state; all metrics put relative to its, by which the gain grows */
static inline int radome_cpm4_level(radome_cpm4_paths *paths, float *gain) {
    int best = 0;
    for (int s = 1; s < 16; s++)
        best = paths->metric[s >> 3][s & 7] > paths->metric[best >> 3][best & 7] ? s : best;
    const float most = paths->metric[best >> 3][best & 7];
    *gain += most;
    paths->metric[0] -= most;
    paths->metric[1] -= most;
    return best;
}

/* behind radome_cpm4_level */
static inline radome_cpm4_costs radome_cpm4_start(const radome_cpm4_paths *paths) {
    const radome_cpm4_costs costs = {{-paths->metric[0], -paths->metric[1]}};
    return costs;
}

/* As radome_cpm_back, two values for each symbol: for the bit that is a one below the centre, and for the one that is a
   one for the outer levels */
static inline void radome_cpm4_back(const float *loss, int n, radome_cpm4_costs *costs, float *soft) {
    radome_v8 low = costs->of[0], high = costs->of[1];
    for (int i = n - 1; i >= 0; i--) {
        radome_v8 least = radome_cpm4_pairs(low, high), part[4];
        least = radome_cpm4_pairs(least, least);
        const float a = least[0], b = least[1], c = least[2], d = least[3];
        soft[2 * i] = (c < d ? c : d) - (a < b ? a : b);
        soft[2 * i + 1] = (b < c ? b : c) - (a < d ? a : d);
        for (int k = 0; k < 4; k++)
            part[k] = radome_cpm4_pairs(low + RADOME_V8(loss + 64 * i + 16 * k), high + RADOME_V8(loss + 64 * i + 16 * k + 8));
        low = radome_cpm4_pairs(part[0], part[1]);
        high = radome_cpm4_pairs(part[2], part[3]);
    }
    costs->of[0] = low;
    costs->of[1] = high;
}

#endif
