/* Inner loops of unspin, compiled when a wheel is built and a C compiler is at hand. Each does what the numpy code
   beside it does, on the same arrays; see kernels.py. No Python.h: the functions are called through ctypes. */

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#ifdef __GNUC__
#define FETCH(address) __builtin_prefetch(address)
#else
#define FETCH(address) ((void)(address))
#endif

/* Forward and backward sums over all paths of a layered graph (forward_backward.py). A cut state s begins a cluster as
   s and ends one as states + s. Returns 0, or 1 where a sum left the range that is trusted. */
EXPORT int unspin_sums(int64_t states, int64_t n, const int64_t *order, const int64_t *source, const int64_t *target,
                       const uint8_t *cut, const double *weight, double least, double most, double *alpha,
                       double *beta, double *posterior, double *log_total)
{
    memset(alpha, 0, 2 * states * sizeof *alpha);
    memset(beta, 0, 2 * states * sizeof *beta);
    for (int64_t s = 0; s < states; s++)
        if (cut[s])
            alpha[s] = 1.0;
    for (int64_t k = 0; k < n; k++) {
        int64_t t = order[k], to = target[t];
        if (cut[to]) {
            to += states;
            beta[to] = 1.0; /* reached */
        }
        alpha[to] += alpha[source[t]] * weight[t];
    }
    double sum = 0.0;
    for (int64_t s = states; s < 2 * states; s++)
        if (beta[s] != 0.0) {
            if (!(alpha[s] > least && alpha[s] < most))
                return 1;
            sum += log(alpha[s]);
            beta[s] = 1.0 / alpha[s];
        }
    *log_total = sum;
    for (int64_t k = n - 1; k >= 0; k--) {
        int64_t t = order[k], from = source[t], to = target[t] + (cut[target[t]] ? states : 0);
        double part = weight[t] * beta[to];
        posterior[t] = alpha[from] * part;
        beta[from] += part;
    }
    return 0;
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xFF51AFD7ED558CCD);
    h ^= h >> 33;
    h *= UINT64_C(0xC4CEB9FE1A85EC53);
    h ^= h >> 33;
    return h;
}

/* Look keys up in a binary fuse map (xor_map.py). Writes the indices of the keys present and their value bytes, and
   returns how many they are. Keys are taken in blocks, so that the reads of one overlap. */
#define BLOCK 32
EXPORT int64_t unspin_find(int64_t n, const uint64_t *keys, uint64_t seed, uint64_t segment, uint64_t span,
                           const uint16_t *fingerprints, const uint8_t *first, const uint8_t *second, int64_t *hits,
                           uint8_t *first_out, uint8_t *second_out)
{
    uint64_t hash[BLOCK], a[BLOCK], b[BLOCK], c[BLOCK], mask = segment - 1;
    int64_t found = 0;
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t size = n - from < BLOCK ? n - from : BLOCK;
        for (int64_t k = 0; k < size; k++) {
            uint64_t h = hash[k] = mix(keys[from + k] + seed);
            a[k] = ((h >> 32) * span) >> 32;
            b[k] = ((h >> 18) & mask) ^ (a[k] + segment);
            c[k] = (h & mask) ^ (a[k] + 2 * segment);
            FETCH(fingerprints + a[k]);
            FETCH(fingerprints + b[k]);
            FETCH(fingerprints + c[k]);
        }
        int64_t begin = found;
        int64_t kept[BLOCK];
        for (int64_t k = 0; k < size; k++) {
            uint16_t print = (uint16_t)(hash[k] ^ (hash[k] >> 32));
            if ((uint16_t)(fingerprints[a[k]] ^ fingerprints[b[k]] ^ fingerprints[c[k]]) != print)
                continue;
            FETCH(first + a[k]);
            FETCH(first + b[k]);
            FETCH(first + c[k]);
            if (second) {
                FETCH(second + a[k]);
                FETCH(second + b[k]);
                FETCH(second + c[k]);
            }
            kept[found - begin] = k;
            hits[found++] = from + k;
        }
        for (int64_t j = begin; j < found; j++) {
            int64_t k = kept[j - begin];
            first_out[j] = first[a[k]] ^ first[b[k]] ^ first[c[k]];
            if (second)
                second_out[j] = second[a[k]] ^ second[b[k]] ^ second[c[k]];
        }
    }
    return found;
}

static uint64_t step(uint64_t key, uint64_t id)
{
    return (key ^ id) * UINT64_C(0x9E3779B97F4A7C15) + (key >> 29);
}

/* Find the phrases of two tokens and more in a stream (PhraseTable.match). keys[from[L] .. from[L + 1]) are the sorted
   hashes of the first L tokens of all phrases that have them, found the phrase that is just these, or -1. Written are
   start, length and phrase of each, shortest first; returned is how many. */
EXPORT int64_t unspin_match(int64_t n, const int64_t *stream, const uint8_t *longer, int64_t longest, const int64_t *from,
                            const uint64_t *keys, const int32_t *found, int64_t *begin, uint64_t *key, int64_t *start,
                            int64_t *length, int64_t *phrase)
{
    int64_t active = 0, count = 0;
    for (int64_t i = 0; i < n; i++)
        if (longer[stream[i]]) {
            begin[active] = i;
            key[active++] = step(0, (uint64_t)stream[i]);
        }
    for (int64_t size = 2; size <= longest && active; size++) {
        int64_t kept = 0, low = from[size], high = from[size + 1];
        for (int64_t k = 0; k < active; k++) {
            int64_t i = begin[k], a = low, b = high;
            if (i + size > n)
                continue;
            uint64_t wanted = step(key[k], (uint64_t)stream[i + size - 1]);
            while (a < b) {
                int64_t middle = a + (b - a) / 2;
                if (keys[middle] < wanted)
                    a = middle + 1;
                else
                    b = middle;
            }
            if (a == high || keys[a] != wanted)
                continue;
            begin[kept] = i;
            key[kept++] = wanted;
            if (found[a] >= 0) {
                start[count] = i;
                length[count] = size;
                phrase[count++] = found[a];
            }
        }
        active = kept;
    }
    return count;
}
