/* Windows and supports of conv, lift and window pools. */
#include <string.h>

#include "network/sema/internal.h"

/* ---- windows -------------------------------------------------------------------------------------------------- */

static Padding padding_of(Choice choice)
{
	if (choice == CHOICE_VALID)
		return PADDING_VALID;
	return choice == CHOICE_SAME ? PADDING_SAME : PADDING_CIRCULAR;
}

static bool window_on_axis(Checker *ch, const LayerCall *call, LayerArg size_arg, const Type *type, Window *window,
			   uint32_t axis, uint32_t *out)
{
	Span span = sema_arg(call, size_arg)->span;
	uint64_t extent = (uint64_t)window->dilation[axis] * (window->size[axis] - 1u) + 1u;
	if (extent > LIMIT_CELLS)
		return sema_error(ch, span, "E0406", "the window reaches over more than %u cells on axis %u",
				  LIMIT_CELLS, axis);
	if (window_axis(type->shape[axis], window->size[axis], window->stride[axis], window->dilation[axis],
			window->padding, out, &window->low[axis]))
		return true;
	sema_error(ch, span, "E0501", "a valid window of %llu cells does not fit on axis %u of %s, which has %u",
		   (unsigned long long)extent, axis, type_text(ch->arena, type), type->shape[axis]);
	diag_hint(ch->diag, "Use a smaller window, or padding = same.");
	return false;
}

bool sema_window(Checker *ch, const LayerCall *call, LayerArg size, const Type *type, Padding padding,
		 bool stride_is_window, Window *window, uint32_t *shape)
{
	*window = (Window){.size = {1, 1, 1}, .stride = {1, 1, 1}, .dilation = {1, 1, 1}, .padding = padding};
	if (sema_arg_given(call, ARG_PADDING)) {
		Choice choice = CHOICE_SAME;
		sema_arg_choice(call, ARG_PADDING, &choice);
		window->padding = padding_of(choice);
	}
	if (!sema_arg_dims(ch, call, size, type->dim, window->size))
		return false;
	uint64_t cells = 1;
	for (uint32_t a = 0; a < type->dim; a++) {
		cells *= window->size[a]; /* at most 2^20 x 2^31 */
		if (cells > LIMIT_CELLS)
			return sema_error(ch, sema_arg(call, size)->span, "E0406", "a window has at most %u cells",
					  LIMIT_CELLS);
		if (stride_is_window)
			window->stride[a] = window->size[a];
	}
	if (!sema_arg_dims(ch, call, ARG_STRIDE, type->dim, window->stride))
		return false;
	if (size == ARG_FILTER && !sema_arg_dims(ch, call, ARG_DILATION, type->dim, window->dilation))
		return false;
	for (uint32_t a = 0; a < type->dim; a++)
		if (!window_on_axis(ch, call, size, type, window, a, &shape[a]))
			return false;
	return true;
}

/* ---- masks ---------------------------------------------------------------------------------------------------- */

static uint64_t cell_count(const Window *window)
{
	return (uint64_t)window->size[0] * window->size[1] * window->size[2];
}

static char *filter_text(Arena *arena, const Window *window, uint32_t dim)
{
	const uint32_t *n = window->size;
	if (dim == 1)
		return arena_printf(arena, "%u cells", n[0]);
	if (dim == 2)
		return arena_printf(arena, "%u rows of %u cells", n[0], n[1]);
	return arena_printf(arena, "%u planes of %u rows of %u cells", n[0], n[1], n[2]);
}

typedef struct MaskShape {
	uint64_t planes, rows, columns; /* of the text; `rows` per plane */
	bool ragged;
	char strange; /* a character that is no cell; 0: none */
} MaskShape;

static MaskShape measure_mask(const AstExpr *string)
{
	MaskShape shape = {.planes = 1};
	uint64_t rows = 0, columns = 0;
	bool first_row = true, first_plane = true;
	for (size_t i = 0; i <= string->as.string.length; i++) {
		char c = i < string->as.string.length ? string->as.string.text[i] : '|';
		if (c == 'x' || c == '.') {
			columns++;
			continue;
		}
		if (c != ' ' && c != '\t' && c != '|') {
			shape.strange = c;
			return shape;
		}
		if (columns > 0) {
			rows++;
			if (first_row)
				shape.columns = columns;
			else if (columns != shape.columns)
				shape.ragged = true;
			first_row = false;
			columns = 0;
		}
		if (c == '|') {
			if (first_plane)
				shape.rows = rows;
			else if (rows != shape.rows)
				shape.ragged = true;
			first_plane = false;
			rows = 0;
			if (i < string->as.string.length)
				shape.planes++;
		}
	}
	return shape;
}

static bool check_mask(Checker *ch, const AstExpr *string, Span span, const Window *window, uint32_t dim)
{
	MaskShape shape = measure_mask(string);
	if (shape.strange != 0)
		return sema_error(ch, span, "E0309", "a mask consists of \"x\", \".\", blanks and \"|\", found byte %u",
				  (unsigned)(unsigned char)shape.strange);
	if (shape.ragged)
		return sema_error(ch, span, "E0309", "the rows of a mask must have equal lengths");
	uint64_t wanted[3] = {1, 1, 1};
	for (uint32_t a = 0; a < dim; a++)
		wanted[3 - dim + a] = window->size[a];
	if (shape.planes == wanted[0] && shape.rows == wanted[1] && shape.columns == wanted[2])
		return true;
	sema_error(ch, span, "E0309", "the mask must have the filter's %s, found %llu plane%s of %llu row%s of %llu",
		   filter_text(ch->arena, window, dim), (unsigned long long)shape.planes, shape.planes == 1 ? "" : "s",
		   (unsigned long long)shape.rows, shape.rows == 1 ? "" : "s", (unsigned long long)shape.columns);
	diag_hint(ch->diag, "Separate rows by blanks and planes by a vertical bar.");
	return false;
}

/* ---- building and sharing ------------------------------------------------------------------------------------- */

/* Equal supports are shared: a def used 10^5 times must not hold its taps 10^5 times. */
struct SupportCache {
	SupportCache *next;
	uint32_t size[GRID_MAX_DIM];
	uint32_t order; /* elements; 1 for plain convolutions */
	uint64_t hash;
	uint64_t marked;
	const uint8_t *marks;
	Support support;
};

typedef struct Marks {
	uint8_t *cell; /* order x cells: 1 where a tap is */
	uint64_t cells;
	uint32_t order;
	uint64_t count;
} Marks;

static void mark_string(Marks *marks, uint32_t element, const AstExpr *string)
{
	uint8_t *cell = marks->cell + element * marks->cells;
	for (size_t i = 0; i < string->as.string.length; i++) {
		char c = string->as.string.text[i];
		if (c == 'x') {
			*cell = 1;
			marks->count++;
		}
		if (c == 'x' || c == '.')
			cell++;
	}
}

static void mark_all(Marks *marks, uint32_t element)
{
	memset(marks->cell + element * marks->cells, 1, marks->cells);
	marks->count += marks->cells;
}

static uint64_t hash_marks(const Marks *marks)
{
	uint64_t hash = 14695981039346656037u;
	for (uint64_t i = 0; i < marks->order * marks->cells; i++)
		hash = (hash ^ marks->cell[i]) * 1099511628211u;
	return hash;
}

static bool make_support(Checker *ch, const Marks *marks, const Window *window, Span span, Support *out)
{
	uint64_t hash = hash_marks(marks);
	for (const SupportCache *c = ch->supports; c != NULL; c = c->next) {
		if (c->hash == hash && c->order == marks->order && memcmp(c->size, window->size, sizeof c->size) == 0 &&
		    memcmp(c->marks, marks->cell, marks->order * marks->cells) == 0) {
			*out = c->support;
			return true;
		}
	}
	ch->taps_total += marks->order * marks->cells;
	if (ch->taps_total > LIMIT_TAPS_TOTAL)
		return sema_error(ch, span, "E0406", "the different filters of this program have more than %u taps",
				  LIMIT_TAPS_TOTAL);
	uint64_t all = marks->order * marks->cells, count = 0;
	Tap *taps = ARENA_ARRAY(ch->arena, Tap, marks->count);
	for (uint64_t i = 0; i < all; i++) {
		if (!marks->cell[i])
			continue;
		uint64_t cell = i % marks->cells;
		Tap *tap = &taps[count++];
		tap->element = (uint16_t)(i / marks->cells);
		tap->cell[2] = (uint32_t)(cell % window->size[2]);
		tap->cell[1] = (uint32_t)(cell / window->size[2] % window->size[1]);
		tap->cell[0] = (uint32_t)(cell / window->size[2] / window->size[1]);
	}
	SupportCache *cache = ARENA_NEW(ch->arena, SupportCache);
	uint8_t *copy = ARENA_ARRAY(ch->arena, uint8_t, all);
	memcpy(copy, marks->cell, all);
	*cache = (SupportCache){
		.next = ch->supports,
		.order = marks->order,
		.hash = hash,
		.marks = copy,
		.support = {.taps = taps, .count = (uint32_t)count, .full = count == all},
	};
	memcpy(cache->size, window->size, sizeof cache->size);
	ch->supports = cache;
	*out = cache->support;
	return true;
}

/* ---- elements and masks of one layer -------------------------------------------------------------------------- */

/* ARG_SUPPORT: which elements of H; all when not given. */
static bool chosen_elements(Checker *ch, const LayerCall *call, const Group *group, bool *chosen)
{
	const ArgValue *arg = sema_arg(call, ARG_SUPPORT);
	for (uint32_t h = 0; h < group->order; h++)
		chosen[h] = !arg->given;
	if (!arg->given)
		return true;
	const AstExpr *list = arg->value.as.list.expr;
	if (list->as.list.count == 0)
		return sema_error(ch, arg->span, "E0310", "elements names no element of %s", group->name);
	for (uint32_t i = 0; i < list->as.list.count; i++) {
		const Value *item = &arg->value.as.list.items[i];
		Span span = list->as.list.items[i]->span;
		uint64_t h = 0;
		if (item->kind != VALUE_NUMBER)
			return sema_wrong_kind(ch, span, "elements", "integers", item->kind);
		if (!sema_integer(ch, span, item->as.number, "an element", 0, group->order - 1u, &h)) {
			diag_hint(ch->diag, "%s has %u element%s, numbered from 0.", group->name, group->order,
				  group->order == 1 ? "" : "s");
			return false;
		}
		if (chosen[h])
			return sema_error(ch, span, "E0310", "element %u is listed twice", (unsigned)h);
		chosen[h] = true;
	}
	return true;
}

static bool mark_mask_list(Checker *ch, const LayerCall *call, const Window *window, uint32_t dim, const Group *group,
			   Marks *marks)
{
	const ArgValue *arg = sema_arg(call, ARG_MASK);
	const AstExpr *list = arg->value.as.list.expr;
	if (group == NULL)
		return sema_error(ch, arg->span, "E0309",
				  "a list of masks needs a convolution on a group, \"%s\" has one mask here",
				  call->layer->name);
	if (sema_arg_given(call, ARG_SUPPORT))
		return sema_error(ch, arg->span, "E0309", "give either elements or a list of masks, not both");
	if (list->as.list.count > group->order)
		return sema_error(ch, arg->span, "E0309", "%u masks for the %u elements of %s", list->as.list.count,
				  group->order, group->name);
	for (uint32_t h = 0; h < list->as.list.count; h++) {
		const Value *item = &arg->value.as.list.items[h];
		Span span = list->as.list.items[h]->span;
		if (item->kind != VALUE_STRING)
			return sema_wrong_kind(ch, span, "mask", "a list of strings", item->kind);
		if (!check_mask(ch, item->as.literal, span, window, dim))
			return false;
		mark_string(marks, h, item->as.literal);
	}
	return true;
}

static bool mark_support(Checker *ch, const LayerCall *call, const Window *window, uint32_t dim, const Group *group,
			 Marks *marks)
{
	bool chosen[GROUP_MAX_ORDER] = {true};
	const ArgValue *mask = sema_arg(call, ARG_MASK);
	if (mask->given && mask->value.kind == VALUE_LIST)
		return mark_mask_list(ch, call, window, dim, group, marks);
	if (group != NULL && !chosen_elements(ch, call, group, chosen))
		return false;
	if (mask->given && !check_mask(ch, mask->value.as.literal, mask->span, window, dim))
		return false;
	for (uint32_t h = 0; h < marks->order; h++) {
		if (chosen[h] && mask->given)
			mark_string(marks, h, mask->value.as.literal);
		else if (chosen[h])
			mark_all(marks, h);
	}
	return true;
}

bool sema_support(Checker *ch, const LayerCall *call, const Window *window, uint32_t dim, const Group *group,
		  Support *support)
{
	const ArgValue *filter = sema_arg(call, ARG_FILTER);
	Span span = filter->given ? filter->span : call->span;
	Marks marks = {.cells = cell_count(window), .order = group != NULL ? group->order : 1};
	if (marks.cells * marks.order > LIMIT_CELLS)
		return sema_error(ch, span, "E0406",
				  "a filter has at most %u taps, this one has %llu cells times %u elements",
				  LIMIT_CELLS, (unsigned long long)marks.cells, marks.order);
	Arena *scratch = arena_create();
	marks.cell = ARENA_ARRAY(scratch, uint8_t, marks.cells * marks.order);
	bool ok = mark_support(ch, call, window, dim, group, &marks);
	if (ok && marks.count == 0)
		ok = sema_error(ch, sema_arg(call, ARG_MASK)->span, "E0309",
				"the mask has no \"x\": the filter would be empty");
	ok = ok && make_support(ch, &marks, window, span, support);
	arena_destroy(scratch);
	return ok;
}
