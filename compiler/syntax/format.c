/* --format: canonical layout of a source file.
 *
 * Works on the tokens, not on the tree, so that comments keep their places. What is written depends on the tokens, on
 * which comments stand behind a token and which on a line of their own, and on where blank lines stand, and on nothing
 * else of the old layout: that makes it idempotent.
 *
 *   - each definition begins at the left margin; at most one blank line between two of them
 *   - one blank around operators and "=", after commas; none around "^", inside brackets, after a sign
 *   - a comment behind a line keeps that line's beginning
 *   - a definition longer than LINE_WIDTH columns is broken before "->" and other operators, or after commas: at the
 *     outermost brackets first, as late on the line as possible. Continued lines begin below the right-hand side */
#include <string.h>

#include "syntax/parser.h"

#include "entk.tab.h"

#define LINE_WIDTH       120u
#define MAX_RIGHT_SIDE   24u /* a right-hand side that begins further right does not indent the lines below */
#define DEFAULT_INDENT   4u
#define MAX_DEPTH_INDENT 10u

typedef struct Piece {
	int kind; /* token, or PARSER_COMMENT */
	const char *text;
	size_t bytes;
	uint32_t width;
	uint32_t depth;        /* open brackets before it */
	bool space;            /* a blank before it, if it does not begin a line */
	uint8_t break_rank;    /* 0: the line cannot be broken before it; else lower ranks are better places */
	bool own_line;         /* a comment with nothing before it on its line */
	uint32_t lines_before; /* line ends between it and what stands before it */
} Piece;

enum { RANK_COMMA = 1, RANK_SUM, RANK_PRODUCT, RANK_ARROW };

typedef struct Layout {
	const Piece *pieces;
	FILE *to;
	uint32_t indent; /* of continued lines, outside of brackets */
	uint32_t column;
} Layout;

/* ---- what the pieces are ---- */

static bool begins_item(int kind)
{
	switch (kind) {
	case INCLUDE:
	case LET:
	case PARAM:
	case DEFAULT:
	case GROUP:
	case ACTIVATION:
	case DEF:
	case NET:
		return true;
	}
	return false;
}

static bool ends_operand(int kind)
{
	return kind == NAME || kind == NUMBER || kind == DIMS || kind == STRING || kind == CLOSE || kind == CLOSE_LIST;
}

static bool wants_space(int before, bool before_is_sign, int kind)
{
	if (kind == COMMA || kind == CLOSE || kind == CLOSE_LIST || kind == POWER)
		return false;
	if (before == OPEN || before == OPEN_LIST || before == POWER || before_is_sign)
		return false;
	return !(kind == OPEN && (before == NAME || before == DEFAULT));
}

static uint8_t break_rank(int before, int kind, bool is_sign)
{
	if (before == COMMA)
		return RANK_COMMA;
	if (kind == PLUS || (kind == MINUS && !is_sign))
		return RANK_SUM;
	if (kind == TIMES || kind == SLASH)
		return RANK_PRODUCT;
	return kind == ARROW ? RANK_ARROW : 0;
}

static uint32_t count_characters(const char *text, size_t bytes)
{
	uint32_t n = 0;
	for (size_t i = 0; i < bytes; i++)
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	return n;
}

static uint32_t count_lines(const char *text, size_t begin, size_t end)
{
	uint32_t n = 0;
	for (size_t i = begin; i < end; i++)
		n += text[i] == '\n';
	return n;
}

static Piece *make_pieces(const Parser *parser)
{
	const char *text = parser->sources->files[parser->file].text;
	Piece *pieces = ARENA_ARRAY(parser->arena, Piece, parser->token_count);
	int before = END; /* the token before, comments left aside */
	bool before_is_sign = false;
	uint32_t depth = 0, end = 0;
	for (uint32_t i = 0; i < parser->token_count; i++) {
		ParserToken token = parser->tokens[i];
		Piece *piece = &pieces[i];
		*piece = (Piece){.kind = token.kind,
				 .text = text + token.span.begin,
				 .bytes = token.span.end - token.span.begin};
		piece->lines_before = count_lines(text, end, token.span.begin);
		end = token.span.end;
		if (begins_item(token.kind))
			depth = 0;
		if (token.kind == PARSER_COMMENT) {
			while (strchr(" \t\r", piece->text[piece->bytes - 1]))
				piece->bytes--;
			piece->own_line = i == 0 || piece->lines_before > 0;
			piece->depth = depth;
			continue;
		}
		if (depth && (token.kind == CLOSE || token.kind == CLOSE_LIST))
			depth--;
		bool is_sign = token.kind == MINUS && !ends_operand(before);
		piece->width = count_characters(piece->text, piece->bytes);
		piece->depth = depth;
		piece->space = wants_space(before, before_is_sign, token.kind);
		piece->break_rank = break_rank(before, token.kind, is_sign);
		if (token.kind == OPEN || token.kind == OPEN_LIST)
			depth++;
		before = token.kind;
		before_is_sign = is_sign;
	}
	return pieces;
}

/* ---- lines ---- */

static void write_piece(Layout *layout, const Piece *piece)
{
	if (layout->column && piece->space) {
		putc(' ', layout->to);
		layout->column++;
	}
	fwrite(piece->text, 1, piece->bytes, layout->to);
	layout->column += piece->width;
}

static void end_line(Layout *layout)
{
	putc('\n', layout->to);
	layout->column = 0;
}

/* Column where a continued line begins that starts with `piece`. */
static uint32_t indent_of(const Layout *layout, const Piece *piece)
{
	uint32_t depth = piece->depth < MAX_DEPTH_INDENT ? piece->depth : MAX_DEPTH_INDENT;
	return layout->indent + depth * 4;
}

/* Where the line that begins with pieces[begin] at `column` is to end: the first piece of the next one. */
static uint32_t find_break(const Layout *layout, uint32_t begin, uint32_t end, uint32_t column)
{
	uint32_t best = 0;
	for (uint32_t i = begin; i < end; i++) {
		const Piece *piece = &layout->pieces[i];
		bool possible = i > begin && piece->break_rank;
		if (possible && (!best || piece->depth < layout->pieces[best].depth ||
				 (piece->depth == layout->pieces[best].depth &&
				  piece->break_rank <= layout->pieces[best].break_rank)))
			best = i;
		column += piece->width + (piece->space && i > begin);
		/* Too long: break at the best place so far, or else at the next one. */
		if (column > LINE_WIDTH && best)
			return best;
	}
	return end;
}

/* Pieces without comments among them. `first`: they begin the definition. */
static void write_run(Layout *layout, uint32_t begin, uint32_t end, bool first)
{
	while (begin < end) {
		uint32_t indent = first ? 0 : indent_of(layout, &layout->pieces[begin]);
		uint32_t next = find_break(layout, begin, end, indent);
		fprintf(layout->to, "%*s", (int)indent, "");
		layout->column = 0;
		for (uint32_t i = begin; i < next; i++)
			write_piece(layout, &layout->pieces[i]);
		if (next < end)
			end_line(layout);
		begin = next;
		first = false;
	}
}

/* Column behind "= " if the definition stood on one line. */
static uint32_t right_side(const Layout *layout, uint32_t begin, uint32_t end)
{
	uint32_t column = 0;
	for (uint32_t i = begin; i < end && column <= MAX_RIGHT_SIDE; i++) {
		const Piece *piece = &layout->pieces[i];
		if (piece->kind == PARSER_COMMENT)
			continue;
		column += piece->width + (piece->space && column);
		if (piece->kind == EQUALS && piece->depth == 0)
			return column + 1 <= MAX_RIGHT_SIDE ? column + 1 : DEFAULT_INDENT;
	}
	return DEFAULT_INDENT;
}

/* Is a break before this piece as good as the best one (depth, rank) of its run? */
static bool is_best_break(const Piece *piece, uint32_t depth, uint8_t rank)
{
	return piece->break_rank && piece->depth == depth && piece->break_rank == rank;
}

static bool fits_line(const Layout *layout, uint32_t begin, uint32_t end, bool first)
{
	uint32_t column = first ? 0 : indent_of(layout, &layout->pieces[begin]);
	for (uint32_t i = begin; i < end && column <= LINE_WIDTH; i++)
		column += layout->pieces[i].width + (layout->pieces[i].space && i > begin);
	return column <= LINE_WIDTH;
}

/* A comment behind a run speaks of the run's last line in the old layout: where that line is to begin in the new one.
 * If it fits on a line it stays as it is; a longer one is cut at the last of the best places. Only the best places of a
 * run count, and they depend on the tokens alone: formatting again finds the same. */
static uint32_t commented_line(const Layout *layout, uint32_t begin, uint32_t end, bool first)
{
	uint32_t depth = UINT32_MAX;
	uint8_t rank = 0;
	for (uint32_t i = begin + 1; i < end; i++) {
		const Piece *piece = &layout->pieces[i];
		if (piece->break_rank &&
		    (piece->depth < depth || (piece->depth == depth && piece->break_rank < rank))) {
			depth = piece->depth;
			rank = piece->break_rank;
		}
	}
	uint32_t old_line = begin, last_best = begin;
	for (uint32_t i = begin + 1; i < end; i++) {
		const Piece *piece = &layout->pieces[i];
		if (is_best_break(piece, depth, rank))
			last_best = i;
		if (piece->lines_before)
			old_line = is_best_break(piece, depth, rank) ? i : begin;
	}
	return fits_line(layout, old_line, end, first && old_line == begin) ? old_line : last_best;
}

/* A definition: pieces[begin, end), comments among them included, and a comment behind it on its line. */
static void write_item(Layout *layout, uint32_t begin, uint32_t end)
{
	layout->indent = right_side(layout, begin, end);
	bool first = true, line_open = false;
	for (uint32_t i = begin; i < end;) {
		const Piece *piece = &layout->pieces[i];
		if (piece->kind == PARSER_COMMENT) {
			if (piece->own_line && line_open)
				end_line(layout);
			fprintf(layout->to, "%*s%.*s", piece->own_line ? (int)indent_of(layout, piece) : 2, "",
				(int)piece->bytes, piece->text);
			line_open = true;
			i++;
			continue;
		}
		uint32_t next = i;
		while (next < end && layout->pieces[next].kind != PARSER_COMMENT)
			next++;
		if (line_open)
			end_line(layout);
		uint32_t last_line =
			next < end && !layout->pieces[next].own_line ? commented_line(layout, i, next, first) : i;
		if (last_line > i) {
			write_run(layout, i, last_line, first);
			end_line(layout);
			first = false;
		}
		write_run(layout, last_line, next, first);
		first = false;
		line_open = true;
		i = next;
	}
	end_line(layout);
}

/* Where the definition at pieces[begin] ends: comments on lines of their own behind it belong to what follows. */
static uint32_t item_end(const Piece *pieces, uint32_t begin, uint32_t count)
{
	uint32_t last = begin;
	for (uint32_t i = begin + 1; i < count && !begins_item(pieces[i].kind); i++)
		if (pieces[i].kind != PARSER_COMMENT)
			last = i;
	uint32_t end = last + 1;
	return end < count && pieces[end].kind == PARSER_COMMENT && !pieces[end].own_line ? end + 1 : end;
}

bool ast_format(const SourceSet *sources, uint32_t file, Diag *diag, Arena *arena, FILE *to)
{
	Parser parser = {.arena = arena, .sources = sources, .diag = diag, .file = file, .keep_tokens = true};
	uint32_t errors = diag_error_count(diag);
	parser_run(&parser, START_FILE);
	if (diag_error_count(diag) != errors)
		return false;
	Layout layout = {.pieces = make_pieces(&parser), .to = to};
	for (uint32_t i = 0; i < parser.token_count;) {
		const Piece *piece = &layout.pieces[i];
		if (i > 0 && piece->lines_before > 1)
			putc('\n', to);
		uint32_t end = piece->kind == PARSER_COMMENT ? i + 1 : item_end(layout.pieces, i, parser.token_count);
		if (piece->kind == PARSER_COMMENT)
			fprintf(to, "%.*s\n", (int)piece->bytes, piece->text);
		else
			write_item(&layout, i, end);
		i = end;
	}
	return true;
}
