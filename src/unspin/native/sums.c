/* forward_backward.py: sums over all paths of a layered graph. */

#include "native.h"

/* The transitions into state s are begins[s] .. begins[s + 1], each from source[t]; order holds the states by rising level.
   A transition weighs weight[t], arriving at s state[s]. A cut state begins a cluster with 1 and ends one with the sum that
   arrives. alpha and beta are scratch, of states each. Written are the mass of each state and the sum of the logarithms of
   the clusters' sums. Returns 0, or 1 where a sum left the range that is trusted. */
EXPORT int unspin_sums(int64_t states, const int64_t *order, const int64_t *begins, const int64_t *source,
                       const uint8_t *cut, const double *weight, const double *state, double least, double most,
                       double *alpha, double *beta, double *mass, double *log_total)
{
    double logs = 0.0;
    for (int64_t s = 0; s < states; s++) {
        alpha[s] = cut[s] ? 1.0 : 0.0;
        beta[s] = 0.0;
        mass[s] = 0.0;
    }
    for (int64_t k = 0; k < states; k++) {
        int64_t s = order[k], from = begins[s], to = begins[s + 1];
        double sum = 0.0;
        if (from == to)
            continue; /* no path arrives */
        for (int64_t t = from; t < to; t++)
            sum += alpha[source[t]] * weight[t];
        mass[s] = sum *= state[s];
        if (!cut[s]) {
            alpha[s] = sum;
            continue;
        }
        if (!(sum > least && sum < most))
            return 1;
        logs += log(sum);
    }
    *log_total = logs;
    for (int64_t k = states - 1; k >= 0; k--) {
        int64_t s = order[k], from = begins[s], to = begins[s + 1];
        if (from == to)
            continue;
        double ahead = cut[s] ? 1.0 / mass[s] : beta[s];
        mass[s] *= ahead;
        ahead *= state[s];
        for (int64_t t = from; t < to; t++)
            beta[source[t]] += weight[t] * ahead;
    }
    return 0;
}
