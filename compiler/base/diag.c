#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Messages quote the user's names, which may be megabytes long and hold anything: they are cut and cleaned here. */
#define MESSAGE_LENGTH 400
#define PATH_LENGTH    300
#define MAX_STORED     10000u /* errors beyond that many are counted only */
#define MAX_PRINTED    20u
#define TAB_WIDTH      4u
#define EXCERPT_WIDTH  110u /* columns of a source line that are shown */
#define EXCERPT_BEFORE 60u  /* of them before the caret */

typedef struct Note {
	struct Note *next;
	bool is_hint;
	Span span;
	char *text;
} Note;

typedef struct Diagnostic {
	DiagSeverity severity;
	Span span;
	const char *code;
	char *text;
	Note *first, *last;
	uint32_t order; /* of reporting: errors at one place stay in it */
} Diagnostic;

struct Diag {
	Arena *arena;
	const SourceSet *sources;
	Diagnostic *list;
	uint32_t count, capacity;
	Diagnostic *last; /* notes belong to it; NULL: they are dropped */
	uint32_t error_count, not_stored;
};

Diag *diag_create(Arena *arena, const SourceSet *sources)
{
	Diag *diag = ARENA_NEW(arena, Diag);
	diag->arena = arena;
	diag->sources = sources;
	return diag;
}

/* ---- text ---- */

/* Copy whole characters up to `limit` bytes, printable ones as they are; "..." marks a cut. */
static char *clean_text(Arena *arena, const char *text, size_t length, size_t limit)
{
	char *out = arena_alloc(arena, limit + 4, 1);
	size_t used = 0, i = 0;
	while (i < length) {
		size_t n = utf8_length(text + i, length - i);
		bool printable = n > 1 || (n == 1 && (unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
		if (used + (n ? n : 1) > limit)
			break;
		if (printable)
			memcpy(out + used, text + i, n);
		else
			out[used] = '?';
		used += printable ? n : 1;
		i += n ? n : 1;
	}
	if (i < length)
		strcpy(out + used, "...");
	return out;
}

static __attribute__((format(printf, 2, 0))) char *format_text(Arena *arena, const char *format, va_list args)
{
	char buffer[MESSAGE_LENGTH + 64];
	int length = vsnprintf(buffer, sizeof buffer, format, args);
	if (length < 0) {
		/* only from a %s argument beyond INT_MAX bytes, or a broken format */
		length = (int)strlen(strcpy(buffer, "message cannot be formatted"));
	}
	size_t n = (size_t)length < sizeof buffer ? (size_t)length : sizeof buffer - 1;
	return clean_text(arena, buffer, n, MESSAGE_LENGTH);
}

/* ---- collecting ---- */

static __attribute__((format(printf, 5, 0))) void add(Diag *diag, DiagSeverity severity, Span span, const char *code,
						      const char *format, va_list args)
{
	if (severity == DIAG_ERROR)
		diag->error_count++;
	if (diag->count == MAX_STORED) {
		diag->not_stored += severity == DIAG_ERROR;
		diag->last = NULL;
		return;
	}
	if (diag->count == diag->capacity) {
		uint32_t capacity = diag->capacity ? 2 * diag->capacity : 16;
		Diagnostic *list = ARENA_ARRAY(diag->arena, Diagnostic, capacity);
		if (diag->count)
			memcpy(list, diag->list, diag->count * sizeof(Diagnostic));
		diag->list = list;
		diag->capacity = capacity;
	}
	diag->last = &diag->list[diag->count];
	*diag->last = (Diagnostic){.severity = severity,
				   .span = span,
				   .code = code,
				   .text = format_text(diag->arena, format, args),
				   .order = diag->count++};
}

bool diag_error(Diag *diag, Span span, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(diag, DIAG_ERROR, span, code, format, args);
	va_end(args);
	return false;
}

void diag_warning(Diag *diag, Span span, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(diag, DIAG_WARNING, span, code, format, args);
	va_end(args);
}

static void add_note(Diag *diag, Note note)
{
	Note *copy = ARENA_NEW(diag->arena, Note);
	*copy = note;
	if (diag->last->last)
		diag->last->last->next = copy;
	else
		diag->last->first = copy;
	diag->last->last = copy;
}

void diag_note(Diag *diag, Span span, const char *format, ...)
{
	if (!diag->last)
		return;
	va_list args;
	va_start(args, format);
	add_note(diag, (Note){.span = span, .text = format_text(diag->arena, format, args)});
	va_end(args);
}

void diag_hint(Diag *diag, const char *format, ...)
{
	if (!diag->last)
		return;
	va_list args;
	va_start(args, format);
	add_note(diag,
		 (Note){.is_hint = true, .span = diag->last->span, .text = format_text(diag->arena, format, args)});
	va_end(args);
}

uint32_t diag_error_count(const Diag *diag)
{
	return diag->error_count;
}

/* ---- printing ---- */

static int compare_places(const void *left, const void *right)
{
	const Diagnostic *a = left, *b = right;
	if (a->span.file != b->span.file)
		return a->span.file < b->span.file ? -1 : 1;
	if (a->span.begin != b->span.begin)
		return a->span.begin < b->span.begin ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static bool same_message(const Diagnostic *a, const Diagnostic *b)
{
	return a->span.file == b->span.file && a->span.begin == b->span.begin && a->severity == b->severity &&
	       strcmp(a->text, b->text) == 0;
}

/* Sort and drop repetitions; an earlier report at the same place keeps its notes. */
static void settle(Diag *diag)
{
	if (diag->count == 0)
		return;
	qsort(diag->list, diag->count, sizeof(Diagnostic), compare_places);
	uint32_t kept = 0;
	for (uint32_t i = 0; i < diag->count; i++) {
		bool repeated = false;
		for (uint32_t j = kept; j > 0 && !repeated; j--) {
			if (diag->list[j - 1].span.begin != diag->list[i].span.begin || kept - j >= MAX_PRINTED)
				break;
			repeated = same_message(&diag->list[j - 1], &diag->list[i]);
		}
		if (!repeated)
			diag->list[kept++] = diag->list[i];
		else if (diag->list[i].severity == DIAG_ERROR)
			diag->error_count--;
	}
	diag->count = kept;
	diag->last = NULL;
}

typedef struct Glyph {
	size_t bytes;      /* of the text */
	unsigned width;    /* columns on the terminal */
	const char *shown; /* NULL: the bytes themselves */
} Glyph;

/* Columns of a character: 0 for combining ones, 2 for East Asian wide ones and pictographs. */
static unsigned character_width(uint32_t code)
{
	if ((code >= 0x300 && code <= 0x36f) || (code >= 0x200b && code <= 0x200f) ||
	    (code >= 0x20d0 && code <= 0x20ff) || (code >= 0xfe00 && code <= 0xfe0f) || code == 0xfeff)
		return 0;
	if ((code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
	    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
	    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
	    (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
	    (code >= 0x20000 && code <= 0x3fffd))
		return 2;
	return 1;
}

static Glyph glyph_at(const char *text, size_t left, unsigned column)
{
	static const char spaces[TAB_WIDTH + 1] = "    ";
	size_t n = utf8_length(text, left);
	if (*text == '\t') {
		unsigned width = TAB_WIDTH - column % TAB_WIDTH;
		return (Glyph){1, width, spaces + TAB_WIDTH - width};
	}
	if (n == 0 || (n == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f)))
		return (Glyph){1, 1, "?"}; /* not UTF-8, or a control character that would upset the terminal */
	return (Glyph){n, character_width(utf8_decode(text, n)), NULL};
}

/* ---- colours ---- */

typedef enum Colour { COLOUR_PLACE, COLOUR_ERROR, COLOUR_WARNING, COLOUR_NOTE, COLOUR_HINT, COLOUR_CARET } Colour;

/* Where the text goes, and whether it may be coloured. */
typedef struct Paper {
	FILE *to;
	bool coloured;
} Paper;

static void begin_colour(const Paper *paper, Colour colour)
{
	/* the terminal's own palette: legible on light and dark grounds, as its user chose them */
	static const char *const codes[] = {
		[COLOUR_PLACE] = "1",   [COLOUR_ERROR] = "1;31", [COLOUR_WARNING] = "1;35",
		[COLOUR_NOTE] = "1;36", [COLOUR_HINT] = "1;32",  [COLOUR_CARET] = "1;32",
	};
	if (paper->coloured)
		fprintf(paper->to, "\033[%sm", codes[colour]);
}

static void end_colour(const Paper *paper)
{
	if (paper->coloured)
		fputs("\033[0m", paper->to);
}

/* The part of the line around bytes [begin, end), and a caret range under it. */
static void print_excerpt(const Paper *paper, const SourcePlace *place, size_t begin, size_t end)
{
	FILE *to = paper->to;
	const char *line = place->line_begin;
	size_t length = place->line_length;
	if (begin > length)
		begin = length;
	if (end > length)
		end = length;

	/* Where the excerpt begins: a long way before a caret in a long line is cut off. One column has at least one
	 * byte, so stepping back by bytes stays near the caret. */
	size_t first = begin > 4 * EXCERPT_BEFORE ? begin - 4 * EXCERPT_BEFORE : 0;
	while (first > 0 && first < length && ((unsigned char)line[first] & 0xc0) == 0x80)
		first++;
	unsigned before = 0;
	for (size_t i = first; i < begin;) {
		Glyph glyph = glyph_at(line + i, length - i, before);
		before += glyph.width;
		i += glyph.bytes;
	}
	unsigned skip = before > EXCERPT_BEFORE && (first > 0 || before >= EXCERPT_WIDTH) ? before - EXCERPT_BEFORE : 0;

	unsigned column = 0, shown = 0, caret_at = 0, caret_width = 0;
	bool cut_left = first > 0 || skip > 0;
	fprintf(to, "%5u | %s", place->line, cut_left ? "..." : "");
	size_t i = first;
	while (i < length && shown < EXCERPT_WIDTH) {
		Glyph glyph = glyph_at(line + i, length - i, column);
		if (column >= skip) {
			if (i < begin)
				caret_at += glyph.width;
			else if (i < end)
				caret_width += glyph.width;
			fwrite(glyph.shown ? glyph.shown : line + i, 1, glyph.shown ? glyph.width : glyph.bytes, to);
			shown += glyph.width;
		}
		column += glyph.width;
		i += glyph.bytes;
	}
	fprintf(to, "%s\n      | %*s", i < length ? "..." : "", (int)caret_at + (cut_left ? 3 : 0), "");
	begin_colour(paper, COLOUR_CARET);
	putc('^', to);
	for (unsigned k = 1; k < caret_width; k++)
		putc('~', to);
	end_colour(paper);
	putc('\n', to);
}

static const char *shown_path(Diag *diag, const SourceFile *file)
{
	return clean_text(diag->arena, file->path, strlen(file->path), PATH_LENGTH);
}

static void print_line_form(Diag *diag, FILE *to, Span span, const char *severity, const char *code, const char *text)
{
	const SourceFile *file = &diag->sources->files[span.file];
	SourcePlace place = source_place(file, span.begin);
	fprintf(to, "%s:%u:%u:%s:%s:%s\n", shown_path(diag, file), place.line, place.column, severity, code, text);
}

/* `code` stands behind the message, where no reader of "place: error: message" stumbles over it; NULL: none. */
static void print_human_head(Diag *diag, const Paper *paper, Span span, Colour colour, const char *text,
			     const char *code)
{
	static const char *const words[] = {
		[COLOUR_ERROR] = "error", [COLOUR_WARNING] = "warning", [COLOUR_NOTE] = "note"};
	const SourceFile *file = &diag->sources->files[span.file];
	SourcePlace place = source_place(file, span.begin);
	begin_colour(paper, COLOUR_PLACE);
	fprintf(paper->to, "%s:%u:%u:", shown_path(diag, file), place.line, place.column);
	end_colour(paper);
	putc(' ', paper->to);
	begin_colour(paper, colour);
	fprintf(paper->to, "%s:", words[colour]);
	end_colour(paper);
	fprintf(paper->to, " %s%s%s%s\n", text, code ? " [" : "", code ? code : "", code ? "]" : "");
}

static void print_one(Diag *diag, const Paper *paper, const Diagnostic *d, DiagFormat format)
{
	bool is_error = d->severity == DIAG_ERROR;
	if (format == DIAG_LINE) {
		print_line_form(diag, paper->to, d->span, is_error ? "error" : "warning", d->code, d->text);
		for (const Note *note = d->first; note; note = note->next)
			print_line_form(diag, paper->to, note->span, note->is_hint ? "hint" : "note", d->code,
					note->text);
		return;
	}
	print_human_head(diag, paper, d->span, is_error ? COLOUR_ERROR : COLOUR_WARNING, d->text, d->code);
	const SourceFile *file = &diag->sources->files[d->span.file];
	SourcePlace place = source_place(file, d->span.begin);
	size_t line_offset = (size_t)(place.line_begin - file->text);
	print_excerpt(paper, &place, d->span.begin - line_offset, d->span.end - line_offset);
	for (const Note *note = d->first; note; note = note->next) {
		if (!note->is_hint) {
			print_human_head(diag, paper, note->span, COLOUR_NOTE, note->text, NULL);
			continue;
		}
		begin_colour(paper, COLOUR_HINT);
		fputs("hint:", paper->to);
		end_colour(paper);
		fprintf(paper->to, " %s\n", note->text);
	}
}

static void print_rest(Diag *diag, const Paper *paper, DiagFormat format, const Diagnostic *first_hidden,
		       uint32_t hidden)
{
	char text[80];
	snprintf(text, sizeof text, "%u more error%s from here on %s not shown", hidden, hidden == 1 ? "" : "s",
		 hidden == 1 ? "is" : "are");
	if (format == DIAG_LINE)
		print_line_form(diag, paper->to, first_hidden->span, "note", first_hidden->code, text);
	else
		print_human_head(diag, paper, first_hidden->span, COLOUR_NOTE, text, NULL);
}

static void print_count(FILE *to, uint32_t count, const char *what)
{
	if (count > 0)
		fprintf(to, "%u %s%s", count, what, count == 1 ? "" : "s");
}

/* The last line: how many there were, and where more is said of the first. */
static void print_counts(const Diag *diag, FILE *to, uint32_t errors, uint32_t warnings)
{
	const Diagnostic *first = diag->list;
	while (errors > 0 && first->severity != DIAG_ERROR)
		first++;
	print_count(to, errors, "error");
	fputs(errors && warnings ? ", " : "", to);
	print_count(to, warnings, "warning");
	fprintf(to, "; entkc --explain=%s says more\n", first->code);
}

void diag_print(Diag *diag, FILE *to, DiagFormat format)
{
	const Paper paper = {to, format == DIAG_COLOURED};
	settle(diag);
	uint32_t errors = 0, warnings = 0;
	const Diagnostic *first_hidden = NULL;
	for (uint32_t i = 0; i < diag->count; i++) {
		const Diagnostic *d = &diag->list[i];
		uint32_t *printed = d->severity == DIAG_ERROR ? &errors : &warnings;
		if ((*printed)++ < MAX_PRINTED)
			print_one(diag, &paper, d, format);
		else if (d->severity == DIAG_ERROR && !first_hidden)
			first_hidden = d;
	}
	errors += diag->not_stored;
	if (first_hidden)
		print_rest(diag, &paper, format, first_hidden, errors - MAX_PRINTED);
	if (format != DIAG_LINE && errors + warnings > 0)
		print_counts(diag, to, errors, warnings);
	fflush(to);
}

/* ---- near names ---- */

#define NEAR_LENGTH 40 /* longer names are not compared */

static size_t lower(char c)
{
	return (size_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* Edit distance with exchanges of neighbours (optimal string alignment), upper and lower case taken as equal. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][NEAR_LENGTH + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b_length; j++)
		row[j] = before[j] = above[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *oldest = before;
		before = above;
		above = row;
		row = oldest;
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = above[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *diag_did_you_mean(const char *name, const char *const *candidates, size_t count)
{
	size_t length = strnlen(name, NEAR_LENGTH + 1);
	if (length == 0 || length > NEAR_LENGTH)
		return NULL;
	/* Two edits turn any short name into any other. */
	size_t nearest = length <= 3 ? 2 : 3;
	const char *found = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = strnlen(candidates[i], NEAR_LENGTH + 1);
		if (other > NEAR_LENGTH || other + 2 < length || length + 2 < other || strcmp(name, candidates[i]) == 0)
			continue;
		size_t distance = edit_distance(name, length, candidates[i], other);
		if (distance < nearest && distance < length) {
			nearest = distance;
			found = candidates[i];
		}
	}
	return found;
}

/* ---- our own bugs ---- */

_Noreturn void ice_at(const char *file, int line, const char *format, ...)
{
	va_list args;
	fflush(stdout);
	fprintf(stderr, "entkc: internal error: %s:%d: ", file, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nThis is a bug of the compiler, not of your file. Please report it together with the file.\n", stderr);
	exit(70);
}
