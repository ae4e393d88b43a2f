/* evidence.py: from the phrases found in a stream to arcs. */

#include "native.h"

/* evidence._weights: sum the weights float[phrases][families] of matches by family, of the first single ones all, of the
   others what is over 0. Written are the sums, and the largest weight by family among the others. */
EXPORT void unspin_weights(int64_t matches, int64_t single, const int64_t *phrase, int64_t families, const float *weight,
                           double *sums, double *largest)
{
    for (int64_t f = 0; f < families; f++)
        sums[f] = largest[f] = 0.0;
    for (int64_t i = 0; i < matches; i++) {
        const float *of = weight + phrase[i] * families;
        for (int64_t f = 0; f < families; f++) {
            if (i < single || of[f] > 0.0f)
                sums[f] += of[f];
            if (i >= single && of[f] > largest[f])
                largest[f] = of[f];
        }
    }
}

/* evidence.gather: turn matches into arcs of the entries that some families offer, and note where originals survived.
   fires is float[phrases][families]. Written are survivor[families][n], the one-token survivors (of which counts[0]), the
   arcs with the phrase each shows (returned is how many), and in special the arcs whose entry asks for more (counts[1]):
   what the text is about, or a capital. */
EXPORT int64_t unspin_gather(int64_t n, int64_t matches, const int64_t *start, const int64_t *length,
                             const int64_t *phrase, int64_t families, const uint8_t *considered, const float *fires,
                             const int64_t *entries_from, const uint8_t *family, const int32_t *context,
                             const uint8_t *flags, uint8_t cased, double *survivor, int64_t *kept_start,
                             int64_t *kept_phrase, int64_t *arc_start, int64_t *arc_stop, int64_t *arc_entry,
                             int64_t *arc_phrase, int64_t *special, int64_t *counts)
{
    int64_t kept = 0, arcs = 0, asking = 0;
    memset(survivor, 0, (size_t)(families * n) * sizeof *survivor);
    for (int64_t i = 0; i < matches; i++) {
        const float *fired = fires + phrase[i] * families;
        int survives = 0;
        for (int64_t f = 0; f < families; f++)
            if (considered[f] && fired[f] != 0.0f) {
                /* A surviving phrase is one survivor, shared among its words. */
                double share = (double)fired[f] / (double)length[i], *at = survivor + f * n + start[i];
                survives = 1;
                for (int64_t k = 0; k < length[i]; k++)
                    if (at[k] < share)
                        at[k] = share;
            }
        if (survives && length[i] == 1) {
            kept_start[kept] = start[i];
            kept_phrase[kept++] = phrase[i];
        }
        for (int64_t e = entries_from[phrase[i]]; e < entries_from[phrase[i] + 1]; e++) {
            if (!considered[family[e]])
                continue;
            if (context[e] >= 0 || (flags[e] & cased))
                special[asking++] = arcs;
            arc_start[arcs] = start[i];
            arc_stop[arcs] = start[i] + length[i];
            arc_entry[arcs] = e;
            arc_phrase[arcs++] = phrase[i];
        }
    }
    counts[0] = kept;
    counts[1] = asking;
    return arcs;
}

/* evidence._nested: whether each arc is shorter than long_one and lies within the span of one that isn't. reach is scratch,
   of n + 1. */
EXPORT void unspin_nested(int64_t n, int64_t arcs, const int64_t *start, const int64_t *stop, int64_t long_one,
                          int64_t *reach, uint8_t *nested)
{
    memset(reach, 0, (size_t)(n + 1) * sizeof *reach);
    for (int64_t i = 0; i < arcs; i++)
        if (stop[i] - start[i] >= long_one && reach[start[i]] < stop[i])
            reach[start[i]] = stop[i];
    for (int64_t j = 1; j <= n; j++)
        if (reach[j] < reach[j - 1])
            reach[j] = reach[j - 1];
    for (int64_t i = 0; i < arcs; i++)
        nested[i] = stop[i] - start[i] < long_one && reach[start[i]] >= stop[i];
}

/* evidence._named: whether each arc reads a capitalised word that begins no sentence and stands in no heading, which is a
   sentence with more than that share of capitalised words. at[j] is the word at stream position j, or -1; counted, of
   n + 1, is scratch. */
EXPORT void unspin_named(int64_t n, const int64_t *stream, const int64_t *at, const uint8_t *capital, int64_t end,
                         double heading, int64_t arcs, const int64_t *start, const int64_t *stop, int64_t *counted,
                         uint8_t *named)
{
    int64_t total = 0;
    counted[0] = 0;
    /* A break belongs to the sentence that it begins. */
    for (int64_t from = 0, to; from < n; from = to) {
        int64_t words = 0, capitals = 0;
        for (to = from; to < n && (to == from || stream[to] != end); to++)
            if (at[to] >= 0) {
                words++;
                capitals += capital[at[to]] != 0;
            }
        int shouted = (double)capitals > heading * (double)(words > 1 ? words : 1);
        for (int64_t j = from; j < to; j++) {
            int first = j > 0 && stream[j - 1] == end;
            total += !shouted && !first && at[j] >= 0 && capital[at[j]];
            counted[j + 1] = total;
        }
    }
    for (int64_t i = 0; i < arcs; i++)
        named[i] = counted[stop[i]] > counted[start[i]];
}

/* evidence.find_matches: the matches outside protected places and not glued to a hyphen. at[j] is the word at stream
   position j, or -1; shut, of n + 1, is scratch. Returns how many. */
EXPORT int64_t unspin_free_matches(int64_t n, const int64_t *stream, const int64_t *at, const uint8_t *free,
                                   int64_t hyphen, int64_t matches, const int64_t *start, const int64_t *length,
                                   const int64_t *phrase, int64_t *shut, int64_t *start_out, int64_t *length_out,
                                   int64_t *phrase_out)
{
    int64_t count = 0;
    shut[0] = 0;
    for (int64_t j = 0; j < n; j++)
        shut[j + 1] = shut[j] + (at[j] >= 0 && !free[at[j]]);
    for (int64_t i = 0; i < matches; i++) {
        int64_t stop = start[i] + length[i], before = start[i] ? start[i] - 1 : n - 1;
        if (stream[before] == hyphen || stream[stop < n ? stop : n - 1] == hyphen || shut[stop] != shut[start[i]])
            continue;
        start_out[count] = start[i];
        length_out[count] = length[i];
        phrase_out[count++] = phrase[i];
    }
    return count;
}
