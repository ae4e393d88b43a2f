/* lattice.py: laying originals over a stream, what leads to what, and in which order. */

#include "native.h"

/* Lay m arcs over n stream ids: stream positions start .. stop read as the size[i] tokens from begin[i] on. Writes the
   nodes (n kept ones, then the words of the arcs) and the level of every junction. */
EXPORT void unspin_build(int64_t n, const int64_t *stream, int64_t m, const int64_t *start, const int64_t *stop,
                         const int64_t *begin, const int64_t *size, const int64_t *tokens, int64_t *word, int64_t *left,
                         int64_t *right, int64_t *arc, uint8_t *head, int64_t *level)
{
    int64_t at = n, joint = n + 1;
    for (int64_t k = 0; k < n; k++) {
        word[k] = stream[k];
        left[k] = k;
        right[k] = k + 1;
        arc[k] = -1;
        head[k] = 0;
        level[k] = k * STEP;
    }
    level[n] = n * STEP;
    for (int64_t i = 0; i < m; i++) {
        int64_t surplus = size[i] - (stop[i] - start[i]), from = start[i];
        if (surplus < 0)
            surplus = 0;
        for (int64_t done = 1; done <= size[i]; done++, at++) {
            word[at] = tokens[begin[i] + done - 1];
            arc[at] = i;
            head[at] = done == 1;
            left[at] = from;
            if (done == size[i]) {
                right[at] = stop[i];
            } else {
                int64_t extra = done < surplus ? done : surplus;
                level[joint] = start[i] * STEP + extra + (done - extra) * STEP;
                right[at] = from = joint++;
            }
        }
    }
}

/* Of states that start and end somewhere, which lead to which: those that end where another starts. Counting first:
   ending[p] .. ending[p + 1] are to be the places in by_end of the states that end at p, and begins[s] .. begins[s + 1]
   the transitions into s. Returns how many transitions there are. */
EXPORT int64_t unspin_count_steps(int64_t states, const int64_t *start, const int64_t *end, int64_t places,
                                  int64_t *ending, int64_t *by_end, int64_t *begins)
{
    memset(ending, 0, (size_t)(places + 1) * sizeof *ending);
    for (int64_t s = 0; s < states; s++)
        ending[end[s] + 1]++;
    for (int64_t p = 0; p < places; p++)
        ending[p + 1] += ending[p];
    /* Each place's first entry moves on as it is filled, and so becomes the next one's; then it is moved back. */
    for (int64_t s = 0; s < states; s++)
        by_end[ending[end[s]]++] = s;
    for (int64_t p = places; p > 0; p--)
        ending[p] = ending[p - 1];
    ending[0] = 0;
    begins[0] = 0;
    for (int64_t s = 0; s < states; s++)
        begins[s + 1] = begins[s] + ending[start[s] + 1] - ending[start[s]];
    return begins[states];
}

/* The transitions themselves, target by target. */
EXPORT void unspin_list_steps(int64_t states, const int64_t *start, const int64_t *ending, const int64_t *by_end,
                              int64_t *source, int64_t *target)
{
    int64_t t = 0;
    for (int64_t s = 0; s < states; s++)
        for (int64_t k = ending[start[s]]; k < ending[start[s] + 1]; k++, t++) {
            source[t] = by_end[k];
            target[t] = s;
        }
}

/* Which junctions are cuts (lattice.cuts): boundaries that every path passes with the same 1 or 2 words before them.
   count and last, of junctions each, are scratch. */
static void cuts(int64_t positions, int64_t junctions, int64_t nodes, const int64_t *left, const int64_t *right,
                 int64_t arcs, const int64_t *start, const int64_t *stop, int64_t history, int64_t *count, int64_t *last,
                 uint8_t *cut)
{
    int64_t open = 0;
    memset(count, 0, (size_t)junctions * sizeof *count);
    for (int64_t i = 0; i < arcs; i++)
        if (start[i] + 1 < stop[i]) {
            count[start[i] + 1]++;
            count[stop[i]]--;
        }
    for (int64_t j = 0; j < junctions; j++) {
        open += j <= positions ? count[j] : 0;
        last[j] = j <= positions ? open : 0; /* arcs that span the boundary */
        count[j] = 0;
    }
    for (int64_t k = 0; k < nodes; k++)
        count[right[k]]++;
    for (int64_t j = 0; j < junctions; j++)
        cut[j] = last[j] == 0 && count[j] == 1;
    if (history == 2) {
        /* The word before must be known too. */
        memset(last, 0, (size_t)junctions * sizeof *last);
        for (int64_t k = 0; k < nodes; k++)
            last[right[k]] = left[k];
        for (int64_t j = 0; j < junctions; j++)
            count[j] = cut[last[j]];
        for (int64_t j = 0; j < junctions; j++)
            cut[j] = cut[j] && count[j];
    }
    for (int64_t j = positions + 1; j < junctions; j++)
        cut[j] = 0;
}

/* Where each state stands: state s arrives with node[s] (or s itself where node is NULL). Writes whether it is a cut and at
   which level it arrives, counted from the last cut at or before where the node starts, and the states by rising level.
   scratch holds 2 * junctions + (STEP + 1) * (positions + 1) + 2. (Levels overlap where an original has many more words
   than STEP above its span; then the order is no good one, as in numpy, but stays within bounds.) */
EXPORT void unspin_stand(int64_t positions, int64_t junctions, int64_t nodes, const int64_t *left, const int64_t *right,
                         const int64_t *level, int64_t arcs, const int64_t *start, const int64_t *stop, int64_t history,
                         int64_t states, const int64_t *node, int64_t *scratch, uint8_t *cut_at, uint8_t *cut,
                         int64_t *arrives, int64_t *order)
{
    int64_t *count = scratch, *last = count + junctions, *base = last + junctions;
    int64_t begin = 0, most = STEP * (positions + 1);
    cuts(positions, junctions, nodes, left, right, arcs, start, stop, history, count, last, cut_at);
    for (int64_t j = 0; j <= positions; j++) {
        if (cut_at[j])
            begin = j * STEP;
        base[j] = begin;
    }
    int64_t *bin = base + positions + 1, top = 0;
    for (int64_t s = 0; s < states; s++) {
        int64_t k = node ? node[s] : s, place = level[left[k]] / STEP, at;
        at = level[right[k]] - base[place < positions ? place : positions];
        arrives[s] = at < 0 ? 0 : at < most ? at : most;
        cut[s] = cut_at[right[k]];
        if (top < arrives[s])
            top = arrives[s];
    }
    memset(bin, 0, (size_t)(top + 2) * sizeof *bin);
    for (int64_t s = 0; s < states; s++)
        bin[arrives[s] + 1]++;
    for (int64_t v = 0; v <= top; v++)
        bin[v + 1] += bin[v];
    for (int64_t s = 0; s < states; s++)
        order[bin[arrives[s]]++] = s;
}

/* Keep the nodes of the mask alive alone (lattice.select). Written, as far as they go, are the arrays of the kept nodes and
   kept_arc, the arcs that are left, in order; returns how many these are. */
EXPORT int64_t unspin_select(int64_t nodes, const uint8_t *alive, const int64_t *word, const int64_t *left,
                             const int64_t *right, const int64_t *arc, const uint8_t *head, int64_t *word_out,
                             int64_t *left_out, int64_t *right_out, int64_t *arc_out, uint8_t *head_out, int64_t *kept_arc)
{
    int64_t at = 0, arcs = 0, last = -1;
    for (int64_t k = 0; k < nodes; k++) {
        if (!alive[k])
            continue;
        word_out[at] = word[k];
        left_out[at] = left[k];
        right_out[at] = right[k];
        head_out[at] = head[k];
        if (arc[k] < 0) {
            arc_out[at++] = -1;
            continue;
        }
        /* The words of an arc stand together. */
        if (arc[k] != last)
            kept_arc[arcs++] = last = arc[k];
        arc_out[at++] = arcs - 1;
    }
    return arcs;
}

/* Keep the transitions between states of the mask alive alone (lattice.select_steps). number is scratch; kept are the
   indices of the transitions kept. Returns how many these are. */
EXPORT int64_t unspin_select_steps(int64_t states, const uint8_t *alive, const int64_t *source, const int64_t *begins,
                                   int64_t *number, int64_t *source_out, int64_t *target_out, int64_t *kept,
                                   int64_t *begins_out)
{
    int64_t at = 0, count = 0;
    for (int64_t s = 0; s < states; s++)
        number[s] = alive[s] ? at++ : -1;
    begins_out[0] = 0;
    for (int64_t s = 0; s < states; s++) {
        if (!alive[s])
            continue;
        for (int64_t t = begins[s]; t < begins[s + 1]; t++)
            if (alive[source[t]]) {
                source_out[count] = number[source[t]];
                target_out[count] = number[s];
                kept[count++] = t;
            }
        begins_out[number[s] + 1] = count;
    }
    return count;
}
