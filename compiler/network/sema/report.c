/* Services of the checker's files: errors with the uses that led to them, chains of operators, bounds on depth and steps. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "network/sema/internal.h"

#define MAX_USE_NOTES 4

bool sema_error(Checker *ch, Span span, const char *code, const char *format, ...)
{
	char message[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	diag_error(ch->diag, span, code, "%s", message);
	int notes = 0;
	for (const Use *use = ch->use; use != NULL && notes < MAX_USE_NOTES; use = use->outer, notes++) {
		if (use->name != NULL)
			diag_note(ch->diag, use->span, "in this use of \"%s\"", use->name);
		else
			diag_note(ch->diag, use->span, "in repetition %u of this repeat", use->repetition);
	}
	return false;
}

void sema_chain_push(Checker *ch, const AstExpr *expr)
{
	if (ch->chain_count == ch->chain_capacity) {
		size_t capacity = ch->chain_capacity == 0 ? 256 : 2 * ch->chain_capacity;
		const AstExpr **chain = ARENA_ARRAY(ch->arena, const AstExpr *, capacity);
		if (ch->chain_count > 0)
			memcpy(chain, ch->chain, ch->chain_count * sizeof *chain);
		ch->chain = chain;
		ch->chain_capacity = capacity;
	}
	ch->chain[ch->chain_count++] = expr;
}

const AstExpr *sema_chain_pop(Checker *ch)
{
	ENTK_ASSERT(ch->chain_count > 0);
	return ch->chain[--ch->chain_count];
}

bool sema_enter(Checker *ch, Span span)
{
	if (ch->aborted)
		return false;
	if (++ch->steps > LIMIT_STEPS) {
		ch->aborted = true;
		return sema_error(ch, span, "E0404", "checking this takes more than %u steps", LIMIT_STEPS);
	}
	if (ch->depth >= LIMIT_DEPTH) {
		ch->aborted = true;
		return sema_error(ch, span, "E0403", "expressions and uses of defs are nested more than %u deep",
				  LIMIT_DEPTH);
	}
	ch->depth++;
	return true;
}

void sema_leave(Checker *ch)
{
	ch->depth--;
}
