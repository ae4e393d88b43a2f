/* decoder.py: arcs taken apart into readings of the stretches that they change, and which of these stand. */

#include <stdlib.h>

#include "native.h"

/* What one arc says of one stretch; place orders stretches, words tells what they become. Later, with the posterior for
   chance, what all arcs say that come to the same words. */
struct part {
    int64_t place, words, entry, index;
    double chance;
};

static int compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* By place and words, the most probable first, then by entry. */
static int by_words(const void *x, const void *y)
{
    const struct part *a = x, *b = y;
    int c = compare(a->place, b->place);
    if (!c)
        c = compare(a->words, b->words);
    if (!c)
        c = a->chance > b->chance ? -1 : a->chance < b->chance;
    if (!c)
        c = compare(a->entry, b->entry);
    return c ? c : compare(a->index, b->index);
}

/* By place, the most probable first, then by entry. */
static int by_chance(const void *x, const void *y)
{
    const struct part *a = x, *b = y;
    int c = compare(a->place, b->place);
    if (!c)
        c = a->chance > b->chance ? -1 : a->chance < b->chance;
    if (!c)
        c = compare(a->entry, b->entry);
    return c ? c : compare(a->words, b->words);
}

/* decoder._readings over n stream positions. Of arcs start .. stop with an entry and a posterior those over least count;
   piece is int32[][6], as in PhraseTable. stay holds n + 1, scratch 40 bytes for each piece of every arc. Written are the
   readings place by place, the best first (entry, words of the original begin .. end, number of these words, whole,
   posterior), counts[1] of them,
   and the places: lo .. hi, and first, the first reading. counts[0] are the places. */
EXPORT void unspin_readings(int64_t n, int64_t arcs, const int64_t *start, const int64_t *stop, const int64_t *entry,
                            const double *chance, double least, const int64_t *pieces_from, const int32_t *piece,
                            struct part *scratch, double *stay, int64_t *entry_out, int64_t *begin, int64_t *end,
                            int64_t *words, uint8_t *whole, double *posterior, int64_t *lo, int64_t *hi, int64_t *first,
                            int64_t *counts)
{
    int64_t parts = 0, readings = 0, places = 0;
    memset(stay, 0, (size_t)(n + 1) * sizeof *stay);
    for (int64_t i = 0; i < arcs; i++) {
        int64_t from = pieces_from[entry[i]], to = pieces_from[entry[i] + 1];
        if (!(chance[i] > least))
            continue;
        /* Words that an arc leaves as they are are kept by it. */
        stay[start[i]] += chance[i];
        stay[stop[i]] -= chance[i];
        for (int64_t k = from; k < to; k++) {
            const int32_t *p = piece + 6 * k;
            int64_t at = start[i] + p[0], size = p[1] - p[0];
            struct part *out = scratch + parts;
            if (p[5] == 0 || to - from == 1) {
                stay[at] -= chance[i];
                stay[at + size] += chance[i];
            }
            /* Spans are short and a section holds few thousand positions. */
            out->place = at * 64 + size;
            out->words = p[4];
            out->entry = entry[i];
            out->chance = chance[i];
            out->index = k; /* of the pieces of one entry, in order */
            parts++;
        }
    }
    for (int64_t j = 1; j <= n; j++)
        stay[j] += stay[j - 1];
    qsort(scratch, (size_t)parts, sizeof *scratch, by_words);
    /* A group is named by its most probable arc. */
    for (int64_t k = 0; k < parts; k++) {
        struct part *last = scratch + readings - 1;
        if (readings && last->place == scratch[k].place && last->words == scratch[k].words)
            last->chance += scratch[k].chance;
        else
            scratch[readings++] = scratch[k];
    }
    for (int64_t k = 0; k < readings; k++)
        if (scratch[k].chance > 1.0)
            scratch[k].chance = 1.0;
    qsort(scratch, (size_t)readings, sizeof *scratch, by_chance);
    for (int64_t k = 0; k < readings; k++) {
        const struct part *at = scratch + k;
        const int32_t *p = piece + 6 * at->index;
        entry_out[k] = at->entry;
        begin[k] = p[2];
        end[k] = p[3];
        words[k] = p[4];
        whole[k] = p[5] > 0;
        posterior[k] = at->chance;
        if (k && at->place == at[-1].place)
            continue;
        lo[places] = (at->place - (p[1] - p[0])) / 64;
        hi[places] = lo[places] + p[1] - p[0];
        first[places++] = k;
    }
    counts[0] = places;
    counts[1] = readings;
}

/* decoder._agreed: the odds of readings that come to the same words of the same spun form go a share of the way to their mean.
   Of each place lo .. hi of the stream the readings begin at first[], capital[] says whether its first word has one; none is
   surer than sure. scratch holds 40 bytes for each of the readings. Written are the posterior anew and the order in which
   those of a place come, the best first. Returns whether any has changed. */
EXPORT int64_t unspin_agreed(int64_t places, const int64_t *lo, const int64_t *hi, const int64_t *first,
                             const uint8_t *capital, const int64_t *stream, int64_t readings, const int64_t *words,
                             double share, double sure, struct part *scratch, double *posterior, int64_t *order)
{
    int64_t changed = 0;
    for (int64_t p = 0; p < places; p++) {
        int64_t stop = p + 1 < places ? first[p + 1] : readings;
        /* The ids of a span as one number of 64 bits: different spans hardly ever have the same. */
        uint64_t shown = (uint64_t)(capital[p] + hi[p] - lo[p]);
        for (int64_t i = lo[p]; i < hi[p]; i++)
            shown = shown * UINT64_C(0x5851F42D4C957F2D) + (uint64_t)stream[i];
        for (int64_t k = first[p]; k < stop; k++) {
            scratch[k].place = (int64_t)shown;
            scratch[k].words = words[k];
            scratch[k].entry = k;
            scratch[k].chance = 0.0;
            scratch[k].index = 0;
        }
    }
    qsort(scratch, (size_t)readings, sizeof *scratch, by_words);
    for (int64_t from = 0, to; from < readings; from = to) {
        double sum = 0.0;
        const struct part *one = scratch + from;
        for (to = from; to < readings && scratch[to].place == one->place && scratch[to].words == one->words; to++) {
            double chance = posterior[scratch[to].entry];
            chance = chance < sure ? sure : chance > 1.0 - sure ? 1.0 - sure : chance;
            scratch[to].chance = log(chance / (1.0 - chance));
            sum += scratch[to].chance;
        }
        if (to - from < 2)
            continue;
        changed = 1;
        for (int64_t k = from; k < to; k++) {
            double odds = (1.0 - share) * scratch[k].chance + share * (sum / (double)(to - from));
            posterior[scratch[k].entry] = 1.0 / (1.0 + exp(-odds));
        }
    }
    for (int64_t p = 0; changed && p < places; p++) {
        int64_t stop = p + 1 < places ? first[p + 1] : readings;
        for (int64_t k = first[p]; k < stop; k++) {
            int64_t j = k;
            for (; j > first[p] && posterior[order[j - 1]] < posterior[k]; j--)
                order[j] = order[j - 1];
            order[j] = k;
        }
    }
    return changed;
}

/* decoder._settle: of candidates in order of place, those that stand: all that clash with none, and of the others the first
   by rank that overlaps with none taken before. scratch holds 40 bytes for each, taken (n stream positions) is scratch. */
EXPORT void unspin_settle(int64_t n, int64_t candidates, const int64_t *lo, const int64_t *hi, const double *rank,
                          struct part *scratch, uint8_t *taken, uint8_t *keep)
{
    int64_t reach = 0, rivals = 0;
    memset(taken, 0, (size_t)n);
    for (int64_t k = 0; k < candidates; k++) {
        int clash = (k && lo[k] < reach) || (k + 1 < candidates && hi[k] > lo[k + 1]);
        keep[k] = !clash;
        if (!k || reach < hi[k])
            reach = hi[k];
        if (!clash)
            continue;
        struct part *out = scratch + rivals++;
        out->place = 0;
        out->chance = rank[k];
        out->entry = lo[k];
        out->words = k;
    }
    qsort(scratch, (size_t)rivals, sizeof *scratch, by_chance);
    for (int64_t r = 0; r < rivals; r++) {
        int64_t k = scratch[r].words, j = lo[k];
        while (j < hi[k] && !taken[j])
            j++;
        if (j < hi[k])
            continue;
        memset(taken + lo[k], 1, (size_t)(hi[k] - lo[k]));
        keep[k] = 1;
    }
}
