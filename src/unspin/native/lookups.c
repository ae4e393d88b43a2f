/* xor_map.py, language_model.py, phrase_table.py: look-ups, many at a time so that the reads from memory overlap. */

#include "native.h"

static uint64_t mix(uint64_t h)
{
    h ^= h >> 33;
    h *= UINT64_C(0xFF51AFD7ED558CCD);
    h ^= h >> 33;
    h *= UINT64_C(0xC4CEB9FE1A85EC53);
    h ^= h >> 33;
    return h;
}

/* A binary fuse map (xor_map.XorMap) with one value byte a key, or two; second is NULL where it has one. */
struct map {
    uint64_t seed, segment, span;
    const uint16_t *fingerprints;
    const uint8_t *first, *second;
};

/* Keys are taken in blocks of so many. */
#define BLOCK 32

/* Look up to BLOCK keys up. Writes which of them are present, in order, and their value bytes; returns how many are. */
static int64_t find_block(const struct map *map, int64_t size, const uint64_t *keys, int64_t *present, uint8_t *first,
                          uint8_t *second)
{
    uint64_t a[BLOCK], b[BLOCK], c[BLOCK], mask = map->segment - 1;
    uint16_t print[BLOCK];
    int64_t found = 0;
    for (int64_t k = 0; k < size; k++) {
        uint64_t h = mix(keys[k] + map->seed);
        print[k] = (uint16_t)(h ^ (h >> 32));
        a[k] = ((h >> 32) * map->span) >> 32;
        b[k] = ((h >> 18) & mask) ^ (a[k] + map->segment);
        c[k] = (h & mask) ^ (a[k] + 2 * map->segment);
        FETCH(map->fingerprints + a[k]);
        FETCH(map->fingerprints + b[k]);
        FETCH(map->fingerprints + c[k]);
    }
    for (int64_t k = 0; k < size; k++) {
        if ((uint16_t)(map->fingerprints[a[k]] ^ map->fingerprints[b[k]] ^ map->fingerprints[c[k]]) != print[k])
            continue;
        FETCH(map->first + a[k]);
        FETCH(map->first + b[k]);
        FETCH(map->first + c[k]);
        if (map->second) {
            FETCH(map->second + a[k]);
            FETCH(map->second + b[k]);
            FETCH(map->second + c[k]);
        }
        present[found++] = k;
    }
    for (int64_t j = 0; j < found; j++) {
        int64_t k = present[j];
        first[j] = map->first[a[k]] ^ map->first[b[k]] ^ map->first[c[k]];
        if (map->second)
            second[j] = map->second[a[k]] ^ map->second[b[k]] ^ map->second[c[k]];
    }
    return found;
}

/* XorMap.find: write the indices of the keys present and their value bytes, and return how many they are. */
EXPORT int64_t unspin_find(int64_t n, const uint64_t *keys, uint64_t seed, uint64_t segment, uint64_t span,
                           const uint16_t *fingerprints, const uint8_t *first, const uint8_t *second, int64_t *hits,
                           uint8_t *first_out, uint8_t *second_out)
{
    struct map map = {seed, segment, span, fingerprints, first, second};
    int64_t found = 0, present[BLOCK];
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t count = find_block(&map, n - from < BLOCK ? n - from : BLOCK, keys + from, present, first_out + found,
                                   second ? second_out + found : NULL);
        for (int64_t j = 0; j < count; j++)
            hits[found++] = from + present[j];
    }
    return found;
}

/* LanguageModel.bigram: log P(b | a) of pairs of ids, and the back-off weight of each pair as a history. */
EXPORT void unspin_bigrams(int64_t n, const int64_t *word, const int64_t *a, const int64_t *b, const float *unigrams,
                           const float *unigram_backoff, uint64_t seed, uint64_t segment, uint64_t span,
                           const uint16_t *fingerprints, const uint8_t *first, const uint8_t *second,
                           const float *codebook, const float *backoff_codebook, float *probability, float *backoff)
{
    struct map map = {seed, segment, span, fingerprints, first, second};
    int64_t present[BLOCK];
    uint64_t key[BLOCK];
    uint8_t code[BLOCK], weight[BLOCK];
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t size = n - from < BLOCK ? n - from : BLOCK;
        for (int64_t k = 0; k < size; k++) {
            int64_t x = word ? word[a[from + k]] : a[from + k], y = word ? word[b[from + k]] : b[from + k];
            key[k] = ((uint64_t)x << 21) | (uint64_t)y;
            probability[from + k] = unigram_backoff[x] + unigrams[y];
            backoff[from + k] = 0.0f;
        }
        int64_t count = find_block(&map, size, key, present, code, weight);
        for (int64_t j = 0; j < count; j++) {
            probability[from + present[j]] = codebook[code[j]];
            backoff[from + present[j]] = backoff_codebook[weight[j]];
        }
    }
}

/* LanguageModel.trigram: put log P(c | a b) of ids in the place of what probability holds, where the model has it. */
EXPORT void unspin_trigrams(int64_t n, const int64_t *a, const int64_t *b, const int64_t *c, uint64_t seed,
                            uint64_t segment, uint64_t span, const uint16_t *fingerprints, const uint8_t *values,
                            const float *codebook, float *probability)
{
    struct map map = {seed, segment, span, fingerprints, values, NULL};
    int64_t present[BLOCK];
    uint64_t key[BLOCK];
    uint8_t code[BLOCK];
    for (int64_t from = 0; from < n; from += BLOCK) {
        int64_t size = n - from < BLOCK ? n - from : BLOCK;
        for (int64_t k = 0; k < size; k++)
            key[k] = ((((uint64_t)a[from + k] << 21) | (uint64_t)b[from + k]) << 21) | (uint64_t)c[from + k];
        int64_t count = find_block(&map, size, key, present, code, NULL);
        for (int64_t j = 0; j < count; j++)
            probability[from + present[j]] = codebook[code[j]];
    }
}

/* LanguageModel.inside: of the pairs of nodes whose first is inner, which has one node before it, the score given that one
   too, where out doesn't hold it yet. */
EXPORT void unspin_inside(int64_t pairs, const int64_t *word, const int64_t *source, const int64_t *target,
                          const uint8_t *inner, uint64_t seed, uint64_t segment, uint64_t span,
                          const uint16_t *fingerprints, const uint8_t *values, const float *codebook, float *out)
{
    struct map map = {seed, segment, span, fingerprints, values, NULL};
    int64_t present[BLOCK], where[BLOCK], size = 0;
    uint64_t key[BLOCK];
    uint8_t code[BLOCK];
    for (int64_t p = 0; p <= pairs; p++) {
        if (p < pairs && inner[source[p]]) {
            uint64_t x = (uint64_t)word[source[p] - 1], y = (uint64_t)word[source[p]], z = (uint64_t)word[target[p]];
            where[size] = p;
            key[size++] = (((x << 21) | y) << 21) | z;
        }
        if (size < BLOCK && p < pairs)
            continue;
        int64_t count = find_block(&map, size, key, present, code, NULL);
        for (int64_t j = 0; j < count; j++)
            out[where[present[j]]] = codebook[code[j]];
        size = 0;
    }
}

/* LanguageModel.along: log P(c | a b) of each path of two steps between nodes with the ids word. The pairs are the steps
   between nodes, the triples into pair p are begins[p] .. begins[p + 1], each from the pair before[t]; backoff and
   probability are those of the pairs. */
EXPORT void unspin_along(int64_t pairs, const int64_t *word, const int64_t *source, const int64_t *target,
                         const int64_t *before, const int64_t *begins, uint64_t seed, uint64_t segment, uint64_t span,
                         const uint16_t *fingerprints, const uint8_t *values, const float *codebook,
                         const float *backoff, const float *probability, float *out)
{
    struct map map = {seed, segment, span, fingerprints, values, NULL};
    int64_t present[BLOCK], size = 0, from = 0;
    uint64_t key[BLOCK];
    uint8_t code[BLOCK];
    for (int64_t p = 0; p < pairs; p++) {
        uint64_t y = (uint64_t)word[source[p]], z = (uint64_t)word[target[p]];
        for (int64_t t = begins[p]; t < begins[p + 1]; t++) {
            uint64_t x = (uint64_t)word[source[before[t]]];
            key[size++] = (((x << 21) | y) << 21) | z;
            out[t] = backoff[before[t]] + probability[p];
            if (size < BLOCK && t + 1 < begins[pairs])
                continue;
            int64_t count = find_block(&map, size, key, present, code, NULL);
            for (int64_t j = 0; j < count; j++)
                out[from + present[j]] = codebook[code[j]];
            from = t + 1;
            size = 0;
        }
    }
}

/* tokens.numbered: give equal values equal numbers from 0 on, and return how many there are. mask + 1, a power of two over
   n, is the size of place, which holds indices of values, and is scratch. */
EXPORT int64_t unspin_numbered(int64_t n, const int64_t *value, int64_t mask, int64_t *place, int64_t *number)
{
    int64_t count = 0;
    for (int64_t k = 0; k <= mask; k++)
        place[k] = -1;
    for (int64_t k = 0; k < n; k++) {
        int64_t at = (int64_t)(mix((uint64_t)value[k]) & (uint64_t)mask);
        while (place[at] >= 0 && value[place[at]] != value[k])
            at = (at + 1) & mask;
        if (place[at] < 0) {
            place[at] = k;
            number[k] = count++;
        } else {
            number[k] = number[place[at]];
        }
    }
    return count;
}

/* The first place from low on, high at most, whose key is not less than the one wanted; keys are sorted. */
static int64_t lower_bound(const uint64_t *keys, int64_t low, int64_t high, uint64_t wanted)
{
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (keys[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What composition._odds weighs by, in this order, and the readings of one part of a term. */
enum { BASE, MODEL, ATTRACTION, BOTH, UNSEEN, JOINED, TERM, KEPT };

/* What composition._odds asks of the model and of the table. */
struct judge {
    struct map pairs;
    const float *unigrams, *unigram_backoff, *codebook;
    int64_t ids;
    const uint8_t *classes;
    const int8_t *affinity, *science;
    const double *weight;
};

/* composition._odds of one reading of the neighbours left right as last first; kept is how far a kept word is of science. */
static double odds_of(const struct judge *j, int64_t left, int64_t right, int64_t last, int64_t first, double worth,
                      int both, int64_t kept)
{
    const double *w = j->weight;
    const uint8_t *one = j->classes, *two = j->classes + j->ids;
    uint64_t key = ((uint64_t)last << 21) | (uint64_t)first;
    uint8_t code, ignored;
    int64_t present;
    double pair = (double)j->unigram_backoff[last] + (double)j->unigrams[first], unseen = 1.0;
    if (find_block(&j->pairs, 1, &key, &present, &code, &ignored)) {
        pair = (double)j->codebook[code];
        unseen = 0.0;
    }
    double shown = (double)j->unigram_backoff[left] + (double)j->unigrams[right];
    return w[BASE] + worth + w[MODEL] * ((double)j->unigrams[last] + pair - (double)j->unigrams[left] - shown)
         + w[ATTRACTION] * (pair - (double)j->unigrams[first]) + w[BOTH] * both + w[UNSEEN] * unseen
         + w[JOINED] * j->affinity[256 * one[left] + two[right]] + w[TERM] * j->affinity[256 * one[last] + two[first]]
         + w[KEPT] * (double)kept;
}

/* composition._seams: the log-odds of each two neighbours of a stream that the model has never seen beside each other, which
   are no term, but which may stand for two words of a term, that they do; the likeliest reading counts. side is uint8_t[4][ids], as
   TermIndex.sides; the readings of id k are readings[from[k]] to readings[from[k + 1]], sorted, with worth[0] where they are
   alone and worth[1], count further on, beside another one. Words are the ids from least to size. at is scratch. Returns how
   many neighbours stand for a term. */
EXPORT int64_t unspin_seams(int64_t n, const int64_t *stream, int64_t ids, const uint8_t *side, const int64_t *from,
                            const int64_t *readings, int64_t count, const float *worth, int64_t terms,
                            const uint64_t *term, int64_t least, int64_t size, uint64_t seed, uint64_t segment,
                            uint64_t span, const uint16_t *fingerprints, const uint8_t *first, const uint8_t *second,
                            const float *unigrams, const float *unigram_backoff, const float *codebook,
                            const uint8_t *classes, const int8_t *affinity, const int8_t *science,
                            const double *weight, int64_t *at, double *best)
{
    struct judge judge = {{seed, segment, span, fingerprints, first, second}, unigrams, unigram_backoff, codebook, ids,
                          classes, affinity, science, weight};
    const uint8_t *one = side, *two = side + ids, *of_one = side + 2 * ids, *of_two = side + 3 * ids;
    const float *alone = worth, *joint = worth + count;
    int64_t strange = 0, asked = 0, out = 0, present[BLOCK], place[BLOCK];
    uint64_t key[BLOCK];
    uint8_t code[BLOCK], ignored[BLOCK];
    for (int64_t i = 0; i + 1 < n; i++) {
        int64_t a = stream[i], b = stream[i + 1];
        int could = (of_one[a] && (two[b] || of_two[b])) || (one[a] && of_two[b]);
        if (could && a >= least && b >= least && a < size && b < size) {
            key[asked] = ((uint64_t)a << 21) | (uint64_t)b;
            place[asked++] = i;
        }
        if (asked < BLOCK && i + 2 < n)
            continue;
        int64_t seen = find_block(&judge.pairs, asked, key, present, code, ignored), j = 0;
        for (int64_t k = 0; k < asked; k++) {
            if (j < seen && present[j] == k)
                j++;
            else
                at[strange++] = place[k];
        }
        asked = 0;
    }
    for (int64_t k = 0; k < strange; k++) {
        int64_t a = stream[at[k]], b = stream[at[k] + 1];
        double most = -HUGE_VAL, odds;
        uint64_t shown = ((uint64_t)a << 21) | (uint64_t)b;
        int64_t listed = lower_bound(term, 0, terms, shown);
        if (listed < terms && term[listed] == shown)
            continue;
        /* The word as it stands, then its readings; of each the terms that begin with it, for the words that may follow. */
        for (int64_t x = from[a] - 1; x < from[a + 1]; x++) {
            int reworded = x >= from[a];
            int64_t last = reworded ? readings[x] : a;
            if (!one[last])
                continue;
            int64_t low = lower_bound(term, 0, terms, (uint64_t)last << 21);
            int64_t high = lower_bound(term, low, terms, (uint64_t)(last + 1) << 21);
            if (low == high)
                continue;
            if (reworded) {
                uint64_t wanted = ((uint64_t)last << 21) | (uint64_t)b;
                int64_t t = lower_bound(term, low, high, wanted);
                if (t < high && term[t] == wanted) {
                    odds = odds_of(&judge, a, b, last, b, (double)alone[x], 0, science[b]);
                    most = odds > most ? odds : most;
                }
            }
            for (int64_t y = from[b]; y < from[b + 1] && low < high; y++) {
                uint64_t wanted = ((uint64_t)last << 21) | (uint64_t)readings[y];
                low = lower_bound(term, low, high, wanted);
                if (low == high || term[low] != wanted)
                    continue;
                odds = reworded ? odds_of(&judge, a, b, last, readings[y], (double)joint[x] + (double)joint[y], 1, 0)
                                : odds_of(&judge, a, b, last, readings[y], (double)alone[y], 0, science[a]);
                most = odds > most ? odds : most;
            }
        }
        if (most > -HUGE_VAL)
            best[out++] = most;
    }
    return out;
}

static uint64_t step(uint64_t key, uint64_t id)
{
    return (key ^ id) * UINT64_C(0x9E3779B97F4A7C15) + (key >> 29);
}

/* PhraseTable.match: find the phrases of the table in a stream. single is the phrase of each id alone, or -1; longer tells
   which ids begin a longer one. keys[from[L]] to keys[from[L + 1]] are the sorted hashes of the first L tokens of all phrases
   that have them, found the phrase that is just these, or -1. begin and key are scratch, of n. Written are start, length and
   phrase of each, shortest first (n * max(longest, 1) at most); returned is how many. */
EXPORT int64_t unspin_match(int64_t n, const int64_t *stream, const int32_t *single, const uint8_t *longer,
                            int64_t longest, const int64_t *from, const uint64_t *keys, const int32_t *found,
                            int64_t *begin, uint64_t *key, int64_t *start, int64_t *length, int64_t *phrase)
{
    int64_t active = 0, count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (single[stream[i]] >= 0) {
            start[count] = i;
            length[count] = 1;
            phrase[count++] = single[stream[i]];
        }
        if (longer[stream[i]]) {
            begin[active] = i;
            key[active++] = step(0, (uint64_t)stream[i]);
        }
    }
    for (int64_t size = 2; size <= longest && active; size++) {
        int64_t kept = 0, low = from[size], high = from[size + 1];
        for (int64_t k = 0; k < active; k++) {
            int64_t i = begin[k];
            if (i + size > n)
                continue;
            uint64_t wanted = step(key[k], (uint64_t)stream[i + size - 1]);
            int64_t a = lower_bound(keys, low, high, wanted);
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
