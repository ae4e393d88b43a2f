/* inference.py: what surrounds the sums. */

#include "native.h"

/* inference._own: ids from known on become 0, and count their own unigram instead, relative to unknown. Levels are scaled by
   that much. */
EXPORT void unspin_own(int64_t nodes, const int64_t *word, const int64_t *left, const int64_t *right, const int64_t *level,
                       int64_t known, const float *log_unigram, double unknown, double lm_scale, double scale,
                       int64_t *word_out, double *own)
{
    int64_t last = 0;
    double usual = 1.0;
    for (int64_t k = 0; k < nodes; k++) {
        int64_t size = level[right[k]] - level[left[k]];
        word_out[k] = word[k] < known ? word[k] : 0;
        /* Most nodes span as much as the one before. */
        if (size != last) {
            last = size;
            usual = exp((double)size * scale);
        }
        own[k] = word[k] < known ? usual : usual * exp(lm_scale * ((double)log_unigram[word[k]] - unknown));
    }
}

/* inference._alive: which nodes have more mass than least; the words of an original, which stand one after the other, go by
   the first of them. */
EXPORT void unspin_alive(int64_t nodes, const double *mass, double least, const int64_t *arc, const uint8_t *head,
                         uint8_t *alive)
{
    for (int64_t k = 0; k < nodes; k++)
        alive[k] = k < 2 || (arc[k] >= 0 && !head[k] ? alive[k - 1] : mass[k] > least);
}
