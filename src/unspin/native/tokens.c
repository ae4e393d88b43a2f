/* tokens.py: words, the gaps between them, and the id stream that the models read. */

#include "native.h"

/* What a character is: tokens.character_classes makes the table. STRIPPED ones may stand around a hyphen that joins words;
   of a text that holds one of REFUSED numpy and `re` make the tokens. */
enum { WORD = 1, DIGIT = 2, STRIPPED = 4, REFUSED = 8, UPPER = 16, LETTER = 32, KIND = 8 };
/* Kinds of characters of gaps, from KIND bits up; in order of what they say when they stand together. */
enum { TRANSPARENT, BREAKING, COLONS, PARENS, COMMAS, HYPHENS, OTHERS };
/* The ids that they become (tokens.UNK to tokens.OTHER). */
enum { UNK_ID, BREAK_ID, NUM_ID, COMMA_ID, COLON_ID, PAREN_ID, HYPHEN_ID, OTHER_ID };
enum { CURLY = 0x2019, NO_BREAK_SPACE = 0xa0 };
/* Bits of a slot that hold the id of a word; the others are those of its hash. */
#define ID ((UINT64_C(1) << 21) - 1)

static uint64_t spread(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    h ^= h >> 32;
    return h;
}

static uint64_t add(uint64_t hash, uint32_t character)
{
    return (hash ^ character) * UINT64_C(0x9E3779B97F4A7C15) + (hash >> 29);
}

/* tokens.Vocabulary: put words (lower-case, in UTF-8, each ended by a line feed) and their ids into slots, a power of two
   mask + 1 of them, all 0. Words that aren't ASCII are left out. Returns 0, or 1 where two have one hash. */
EXPORT int unspin_index(int64_t bytes, const char *words, const int64_t *id, uint64_t seed, int64_t mask, uint64_t *slots)
{
    uint64_t hash = seed;
    int ascii = 1;
    for (int64_t k = 0, word = 0; k < bytes; k++) {
        unsigned char c = (unsigned char)words[k];
        if (c != '\n') {
            ascii &= c < 128;
            hash = add(hash, c);
            continue;
        }
        if (ascii) {
            uint64_t key = spread(hash) & ~ID, at = (key >> 21) & (uint64_t)mask;
            for (; slots[at]; at = (at + 1) & (uint64_t)mask)
                if ((slots[at] & ~ID) == key)
                    return 1;
            slots[at] = key | (uint64_t)id[word];
        }
        word++;
        hash = seed;
        ascii = 1;
    }
    return 0;
}

/* Where the word ends that begins at i, or i where none does (tokens.WORD). */
static int64_t word_end(const uint32_t *text, const uint16_t *class, int64_t n, int64_t i)
{
#define IS(k, what) ((k) < n && (class[text[k]] & (what)))
#define APOSTROPHE(k) (text[k] == '\'' || text[k] == CURLY)
#define S(k) ((k) < n && (text[k] | 32) == 's' && !IS((k) + 1, WORD))
    if (!IS(i, WORD))
        return APOSTROPHE(i) && S(i + 1) ? i + 2 : i;
    for (;;) {
        while (IS(i, WORD))
            i++;
        if (i >= n)
            return i;
        if (APOSTROPHE(i) && IS(i + 1, WORD) && !S(i + 1))
            i++;
        else if ((text[i] == '.' || text[i] == ',') && IS(i - 1, DIGIT) && IS(i + 1, DIGIT))
            i++;
        else
            return i;
    }
}

/* Write the ids of the gap from .. to and return how many they are (tokens.gap_classes). */
static int64_t gap_ids(const uint32_t *text, const uint16_t *class, int64_t from, int64_t to, int64_t *out)
{
    unsigned kinds = 0;
    if (from == to || (to - from == 1 && (text[from] == ' ' || text[from] == '.')))
        return 0;
    for (int64_t i = from; i < to; i++)
        kinds |= 1u << (class[text[i]] >> KIND);
    out[0] = out[1] = BREAK_ID;
    if (kinds & (1u << BREAKING))
        return 2;
    if (kinds & (1u << COLONS)) {
        out[0] = COLON_ID;
    } else if (kinds & (1u << PARENS)) {
        out[0] = PAREN_ID;
    } else if (kinds & (1u << COMMAS)) {
        out[0] = COMMA_ID;
    } else if (kinds & (1u << HYPHENS)) {
        /* Glued on both sides it joins words; set off by spaces it is a dash. */
        while (from < to && (class[text[from]] & STRIPPED))
            from++;
        while (from < to && (class[text[to - 1]] & STRIPPED))
            to--;
        out[0] = to - from == 1 ? HYPHEN_ID : COLON_ID;
    } else {
        out[0] = OTHER_ID;
        return (kinds & (1u << OTHERS)) != 0;
    }
    return 1;
}

/* tokens.tokenise. text are code points, class what each is, for those under known. Ids from size on are abbreviations that
   are no words of the vocabulary; abbreviation says of each id whether it is one. Written are the offsets of the parts of
   the text, the stream with the word at each place, whether a word is capitalised, and the words that aren't ASCII (unsure,
   counts[1] of them, with their places in the stream, place), for which UNK stands; counts[0] is the length of the stream.
   Returns how many words there are, or -1 where the text holds a character that is refused. */
EXPORT int64_t unspin_tokenise(int64_t n, const uint32_t *text, const uint16_t *class, int64_t known, const uint64_t *slots,
                               int64_t mask, uint64_t seed, int64_t size, const uint8_t *abbreviation, int64_t *offsets,
                               int64_t *stream, int64_t *at, uint8_t *capital, int64_t *unsure, int64_t *place,
                               int64_t *counts)
{
    int64_t words = 0, length = 2, doubtful = 0, end = 0;
    int short_one = 0; /* Whether the word before is one after which a full stop ends no sentence. */
    for (int64_t i = 0; i < n; i++)
        if (text[i] >= (uint64_t)known || (class[text[i]] & REFUSED))
            return -1;
    stream[0] = stream[1] = BREAK_ID;
    at[0] = at[1] = -1;
    offsets[0] = 0;
    for (int64_t i = 0; i < n;) {
        int64_t to = word_end(text, class, n, i), ids = 0;
        if (to == i) {
            i++;
            continue;
        }
        int stop = i - end == 2 && text[end] == '.' && (text[end + 1] == ' ' || text[end + 1] == NO_BREAK_SPACE);
        if (words && !(stop && short_one))
            ids = gap_ids(text, class, end, i, stream + length);
        for (int64_t k = 0; k < ids; k++)
            at[length++] = -1;
        uint64_t hash = seed;
        int ascii = 1, upper = 0, letters = LETTER;
        for (int64_t k = i; k < to; k++) {
            uint32_t c = text[k];
            upper |= class[c] & UPPER;
            letters &= class[c];
            c = c == CURLY ? '\'' : c;
            ascii &= c < 128;
            hash = add(hash, class[text[k]] & UPPER ? c | 32 : c);
        }
        int64_t id = UNK_ID;
        if (ascii) {
            uint64_t key = spread(hash) & ~ID, slot = (key >> 21) & (uint64_t)mask;
            while (slots[slot] && (slots[slot] & ~ID) != key)
                slot = (slot + 1) & (uint64_t)mask;
            id = (int64_t)(slots[slot] & ID);
            short_one = to - i == 1 || (id && abbreviation[id]);
            if (id >= size)
                id = UNK_ID;
            if (id == UNK_ID && text[i] >= '0' && text[i] <= '9')
                id = NUM_ID;
        } else {
            unsure[doubtful] = words;
            place[doubtful++] = length;
            short_one = to - i == 1;
        }
        capital[words] = upper && letters;
        offsets[2 * words + 1] = i;
        offsets[2 * words + 2] = to;
        at[length] = words++;
        stream[length++] = id;
        i = end = to;
    }
    offsets[2 * words + 1] = n;
    for (int k = 0; k < 2; k++) {
        at[length] = -1;
        stream[length++] = BREAK_ID;
    }
    counts[0] = length;
    counts[1] = doubtful;
    return words;
}

/* Write the words of a text, given the offsets of its parts, with a line feed between each two; returns how long that is. */
EXPORT int64_t unspin_spell(const uint32_t *text, int64_t words, const int64_t *offsets, uint32_t *out)
{
    int64_t length = 0;
    for (int64_t k = 0; k < words; k++) {
        if (k)
            out[length++] = '\n';
        for (int64_t i = offsets[2 * k + 1]; i < offsets[2 * k + 2]; i++)
            out[length++] = text[i];
    }
    return length;
}
