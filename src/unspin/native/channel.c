/* channel.py: chances of the nodes of a lattice, and what the document's posteriors say of them. Every constant comes from
   there. */

#include "native.h"

/* Channel._lay over n stream positions, nodes and arcs as in Lattice; composed may be NULL. Of scratch there are n + 1 and
   arcs + kept values and mask + 1 more, a power of two over nodes and over arcs + kept. Written are one value an arc
   (family, original, spun form, head, weight, penalty, whether it stands in a quotation, whether its original is one word),
   after the originals those of the kept words, one number a node for its word, the nodes that stand with their positions,
   and in counts how many those are and how many different originals, forms and words there are. */
EXPORT void unspin_lay(int64_t n, int64_t nodes, const int64_t *word, const int64_t *left, const int64_t *arc,
                       const uint8_t *head, int64_t arcs, const int64_t *start, const int64_t *stop,
                       const int64_t *entry, const uint8_t *families, const int32_t *originals,
                       const float *log_weight, const uint8_t *flags, const int64_t *tokens_from,
                       const int64_t *phrase, const int64_t *named, const uint8_t *nested, const double *composed,
                       const uint8_t *within, int64_t kept, const int64_t *kept_phrase, uint8_t common,
                       int64_t academic, double common_log, double fingerprint, double nested_log, double name,
                       int64_t mask, int64_t *scratch, int64_t *family, int64_t *original, int64_t *spun,
                       int64_t *heads, double *weight, double *penalty, uint8_t *quoted, uint8_t *one_word,
                       int64_t *number, int64_t *standing, int64_t *position, int64_t *counts)
{
    int64_t *before = scratch, *value = before + n + 1, *place = value + arcs + kept, h = 0, s = 0;
    before[0] = 0;
    for (int64_t j = 0; j < n; j++)
        before[j + 1] = before[j] + within[j];
    for (int64_t i = 0; i < arcs; i++) {
        int64_t e = entry[i], of = originals[e];
        int ordinary = (flags[e] & common) != 0;
        double log_penalty = name * (double)named[i];
        family[i] = families[e];
        value[i] = of;
        weight[i] = exp((double)log_weight[e]);
        if (ordinary)
            log_penalty += common_log;
        else if (family[i] == academic)
            log_penalty += fingerprint * (double)(stop[i] - start[i]);
        if (nested[i])
            log_penalty += nested_log;
        if (composed)
            log_penalty += composed[i];
        penalty[i] = log_penalty == 0.0 ? 1.0 : exp(log_penalty);
        quoted[i] = before[stop[i]] > before[start[i]];
        one_word[i] = tokens_from[of + 1] - tokens_from[of] == 1;
    }
    memcpy(value + arcs, kept_phrase, (size_t)kept * sizeof *value);
    counts[1] = unspin_numbered(arcs + kept, value, mask, place, original);
    counts[2] = unspin_numbered(arcs, phrase, mask, place, spun);
    counts[3] = unspin_numbered(nodes, word, mask, place, number);
    for (int64_t k = 0; k < nodes; k++) {
        if (head[k])
            heads[h++] = k;
        if (arc[k] < 0) {
            standing[s] = k;
            position[s++] = left[k];
        }
    }
    counts[0] = s;
}

/* Channel.select: keep the nodes that are alive, and the arcs whose heads are. renumber, of nodes, is scratch. Written is
   what is left of each array, and in counts how many nodes, arcs and standing nodes. */
EXPORT void unspin_thin(int64_t nodes, const uint8_t *alive, const int64_t *word, const int64_t *number, int64_t arcs,
                        const int64_t *heads, const int64_t *family, const int64_t *original, const int64_t *spun,
                        const int64_t *begins, const double *weight, const double *penalty, const uint8_t *quoted,
                        const uint8_t *one_word, int64_t stands, const int64_t *standing, const int64_t *position,
                        int64_t *renumber, int64_t *word_out, int64_t *number_out, int64_t *heads_out,
                        int64_t *family_out, int64_t *original_out, int64_t *spun_out, int64_t *begins_out,
                        double *weight_out, double *penalty_out, uint8_t *quoted_out, uint8_t *one_word_out,
                        int64_t *standing_out, int64_t *position_out, int64_t *counts)
{
    int64_t k = 0, m = 0, s = 0;
    for (int64_t i = 0; i < nodes; i++) {
        renumber[i] = k;
        if (alive[i]) {
            word_out[k] = word[i];
            number_out[k++] = number[i];
        }
    }
    for (int64_t i = 0; i < arcs; i++) {
        if (!alive[heads[i]])
            continue;
        heads_out[m] = renumber[heads[i]];
        family_out[m] = family[i];
        original_out[m] = original[i];
        spun_out[m] = spun[i];
        begins_out[m] = begins[i];
        weight_out[m] = weight[i];
        penalty_out[m] = penalty[i];
        quoted_out[m] = quoted[i];
        one_word_out[m++] = one_word[i];
    }
    for (int64_t i = 0; i < stands; i++)
        if (alive[standing[i]]) {
            standing_out[s] = renumber[standing[i]];
            position_out[s++] = position[i];
        }
    counts[0] = k;
    counts[1] = m;
    counts[2] = s;
}

/* How much likelier a word is for standing elsewhere too: Channel._cache. */
static double raised(double elsewhere, double positions, double log_unigram, double cache, double most)
{
    double by;
    if (!(elsewhere > 0.0))
        return 1.0;
    by = 1.0 + cache * elsewhere / (positions * exp(log_unigram));
    return by < most ? by : most;
}

/* Channel.factor: chance of every node. survivor is [families][n], all 0 but of those that are offered. mass may be NULL,
   and what follows it is for where it isn't. kinds are the numbers of different originals, forms and words. Scratch holds n
   values; with mass also 6 arcs and as many as there are kinds, of forms twice; place holds mask + 1, a power of two over
   arcs, and 4 arcs. */
EXPORT void unspin_factor(int64_t n, int64_t families, int64_t considered, const int64_t *offered, const double *rates,
                          const double *survivor, const uint8_t *within, double quoted_rate, int64_t nodes,
                          int64_t arcs, const int64_t *heads, const int64_t *family, const double *weight,
                          const double *penalty, const uint8_t *quoted, int64_t stands, const int64_t *standing,
                          const int64_t *position, double *scratch, double *out, const double *mass,
                          const int64_t *word, const int64_t *number, const int64_t *original, const int64_t *spun,
                          const int64_t *begins, const uint8_t *one_word, int64_t kept, const int64_t *kept_start,
                          const int64_t *kept_original, const int64_t *kinds, const float *log_unigram,
                          int64_t first_word, const uint8_t *every_item, double draws, double own_rate, double pool,
                          double least_reading, double least_kept, double others, double most_pooled, double cache,
                          double cache_kept, double most_cached, int64_t mask, int64_t *place)
{
    double *stood = scratch;
    for (int64_t j = 0; j < n; j++)
        stood[j] = 1.0;
    for (int64_t c = 0; c < considered; c++) {
        const double *of = survivor + offered[c] * n, usual = rates[offered[c]], quiet = usual * quoted_rate;
        for (int64_t j = 0; j < n; j++)
            stood[j] *= 1.0 - (within[j] ? quiet : usual) * of[j];
    }
    for (int64_t k = 0; k < nodes; k++)
        out[k] = 1.0;
    for (int64_t i = 0; i < stands; i++)
        out[standing[i]] = stood[position[i]];
    for (int64_t i = 0; i < arcs; i++)
        out[heads[i]] = rates[family[i]] * weight[i] * penalty[i] * (quoted[i] ? quoted_rate : 1.0);
    if (!mass)
        return;

    int64_t originals = kinds[0], forms = kinds[1], words = kinds[2];
    int64_t *key = place + mask + 1, *drawer = key + arcs, *draw = drawer + arcs, *occurrence = draw + arcs;
    /* By number: of draws, of drawers, of occurrences of a form, of originals, forms and words. */
    double *same = scratch + n, *readings = same + arcs, *said = readings + arcs, *drawn = said + arcs;
    double *stays = drawn + arcs, *for_it = stays + arcs, *standings = for_it + arcs, *times = standings + originals;
    double *mean = times + forms, *count = mean + forms;
    /* What is summed lies side by side, but for what is worked out of each arc. */
    memset(same, 0, (size_t)(5 * arcs) * sizeof *same);
    memset(standings, 0, (size_t)(originals + 2 * forms + words) * sizeof *standings);
    for (int64_t i = 0; i < arcs; i++)
        key[i] = original[i] * families + family[i];
    unspin_numbered(arcs, key, mask, place, drawer);
    for (int64_t i = 0; i < arcs; i++)
        key[i] = drawer[i] * forms + spun[i];
    unspin_numbered(arcs, key, mask, place, draw);
    int64_t last = -1;
    for (int64_t i = 0; i < arcs; i++) {
        double p = mass[heads[i]];
        /* The arcs of one occurrence stand together. */
        if (i == 0 || begins[i] != begins[i - 1] || spun[i] != spun[i - 1]) {
            last++;
            times[spun[i]] += 1.0;
        }
        occurrence[i] = last;
        stays[last] += p;
        same[draw[i]] += p;
        readings[draw[i]] += 1.0;
        drawn[drawer[i]] += p;
    }
    for (int64_t o = 0; o <= last; o++)
        stays[o] = 1.0 - stays[o] > least_kept ? 1.0 - stays[o] : least_kept;
    for (int64_t i = 0; i < arcs; i++) {
        double p = mass[heads[i]];
        if (i == 0 || occurrence[i] != occurrence[i - 1])
            mean[spun[i]] += stays[occurrence[i]];
        for_it[i] = 0.0;
        /* A reading that no other arc shares says nothing of another. */
        if (readings[draw[i]] > 1.0) {
            for_it[i] = log((p > least_reading ? p : least_reading) / stays[occurrence[i]]);
            said[draw[i]] += for_it[i];
        }
    }
    /* How often the original itself was left standing where it could have been replaced. */
    memset(stood, 0, (size_t)n * sizeof *stood);
    for (int64_t i = 0; i < stands; i++)
        stood[position[i]] = mass[standing[i]];
    for (int64_t i = 0; i < kept; i++) {
        int64_t j = kept_start[i];
        standings[kept_original[i]] += stood[j] * (within[j] ? quoted_rate : 1.0);
    }
    for (int64_t i = 0; i < arcs; i++) {
        double p = mass[heads[i]], chance = rates[family[i]] * weight[i], seen = times[spun[i]];
        double absent = seen - readings[draw[i]], pooled = said[draw[i]] - for_it[i];
        if (!every_item[family[i]]) {
            double elsewhere = drawn[drawer[i]] - p, share = (same[draw[i]] - p + draws * weight[i]) / (elsewhere + draws);
            double rate = (elsewhere + own_rate * rates[family[i]]) / (elsewhere + standings[original[i]] + own_rate);
            chance = rate * share;
        }
        /* An occurrence that doesn't even weigh the reading speaks against it. */
        if (absent != 0.0)
            pooled += absent * log(least_reading * seen / mean[spun[i]]);
        if (pooled != 0.0) {
            double full = seen > 2.0 ? others / (seen - 1.0) : others;
            pooled *= pool * (full < 1.0 ? full : 1.0);
            pooled = pooled > most_pooled ? most_pooled : pooled < -most_pooled ? -most_pooled : pooled;
            chance *= exp(pooled);
        }
        out[heads[i]] = chance * penalty[i] * (quoted[i] ? quoted_rate : 1.0);
    }

    for (int64_t k = 0; k < nodes; k++)
        count[number[k]] += mass[k];
    for (int64_t i = 0; i < arcs; i++) {
        int64_t k = heads[i];
        if (one_word[i])
            out[k] *= raised(count[number[k]] - mass[k], (double)stands, log_unigram[word[k]], cache, most_cached);
    }
    for (int64_t i = 0; i < stands; i++) {
        int64_t k = standing[i];
        if (word[k] >= first_word) {
            double by = raised(count[number[k]] - mass[k], (double)stands, log_unigram[word[k]], cache, most_cached);
            if (by != 1.0)
                out[k] *= pow(by, cache_kept);
        }
    }
}

static double share_of(double replaced, double survived, double hits, double misses)
{
    return (replaced + hits) / (replaced + survived + hits + misses);
}

/* Channel.maximise. Scratch holds n values; written are the rates, the expected counts of replaced and surviving originals,
   and the share of the rates that holds in quotations. */
EXPORT void unspin_maximise(int64_t n, int64_t families, int64_t considered, const int64_t *offered,
                            const double *survivor, const uint8_t *within, double quoted_rate, int64_t arcs,
                            const int64_t *heads, const int64_t *family, const uint8_t *quoted, int64_t stands,
                            const int64_t *standing, const int64_t *position, const double *mass, double hits,
                            double misses, double usual_hits, double usual_misses, double quoted_hits,
                            double quoted_misses, double most, double least_share, double least_outside,
                            double *stood, double *rates, double *replaced, double *survived, double *quoted_out)
{
    double hit[2] = {0.0, 0.0}, spared[2] = {0.0, 0.0};
    int any = 0;
    memset(replaced, 0, (size_t)families * sizeof *replaced);
    memset(stood, 0, (size_t)n * sizeof *stood);
    for (int64_t i = 0; i < arcs; i++) {
        double p = mass[heads[i]];
        replaced[family[i]] += p;
        hit[quoted[i] != 0] += p;
        any |= quoted[i];
    }
    for (int64_t i = 0; i < stands; i++)
        stood[position[i]] = mass[standing[i]];
    memset(survived, 0, (size_t)families * sizeof *survived);
    for (int64_t c = 0; c < considered; c++) {
        const double *of = survivor + offered[c] * n;
        double all = 0.0, inside = 0.0;
        for (int64_t j = 0; j < n; j++) {
            double here = of[j] * stood[j];
            all += here;
            inside += within[j] ? here : 0.0;
        }
        survived[offered[c]] = all - inside + quoted_rate * inside;
        spared[0] += all - inside;
        spared[1] += inside;
    }
    for (int64_t f = 0; f < families; f++) {
        rates[f] = share_of(replaced[f], survived[f], hits, misses);
        if (rates[f] > most)
            rates[f] = most;
    }
    *quoted_out = quoted_rate;
    if (any) {
        double usual = share_of(hit[0], spared[0], usual_hits, usual_misses);
        double share = share_of(hit[1], spared[1], quoted_hits, quoted_misses) / usual;
        /* Likelier spared than not, or nothing to compare with: then nothing in quotation marks is touched. */
        *quoted_out = share < least_share || hit[0] < least_outside ? 0.0 : share < 1.0 ? share : 1.0;
    }
}
