/* The symbol table, and what arguments and choices are called. */
#include <string.h>

#include "network/sema/internal.h"

/* ---- symbol table -------------------------------------------------------------------------------------------- */

static uint32_t hash_name(const char *name)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (; *name != 0; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return hash;
}

static void grow_buckets(Checker *ch)
{
	uint32_t count = ch->bucket_count == 0 ? 512 : 2 * ch->bucket_count;
	Symbol **buckets = ARENA_ARRAY(ch->arena, Symbol *, count);
	for (uint32_t i = 0; i < ch->bucket_count; i++) {
		for (Symbol *symbol = ch->buckets[i], *next; symbol != NULL; symbol = next) {
			next = symbol->next;
			uint32_t place = hash_name(symbol->name) % count;
			symbol->next = buckets[place];
			buckets[place] = symbol;
		}
	}
	ch->buckets = buckets;
	ch->bucket_count = count;
}

Symbol *sema_find(const Checker *ch, const char *name)
{
	if (ch->bucket_count == 0)
		return NULL;
	for (Symbol *symbol = ch->buckets[hash_name(name) % ch->bucket_count]; symbol != NULL; symbol = symbol->next)
		if (strcmp(symbol->name, name) == 0)
			return symbol;
	return NULL;
}

Symbol *sema_add_symbol(Checker *ch, const char *name, SymbolKind kind)
{
	if (ch->symbol_count >= ch->bucket_count / 2)
		grow_buckets(ch);
	Symbol *symbol = ARENA_NEW(ch->arena, Symbol);
	symbol->name = name;
	symbol->kind = kind;
	uint32_t place = hash_name(name) % ch->bucket_count;
	symbol->next = ch->buckets[place];
	ch->buckets[place] = symbol;
	ch->symbol_count++;
	return symbol;
}

/* ---- texts ---------------------------------------------------------------------------------------------------- */

static const char *const choice_names[] = {
#define X(id, text) text,
	CHOICES(X)
#undef X
};

static const struct {
	const char *name;
	bool in_default;
} args[] = {
#define X(id, text, in_default) {text, in_default},
	LAYER_ARGS(X)
#undef X
};

const char *sema_choice_name(Choice choice)
{
	ENTK_ASSERT(choice < CHOICE_COUNT);
	return choice_names[choice];
}

const char *sema_arg_name(LayerArg arg)
{
	ENTK_ASSERT(arg < ARG_COUNT);
	return args[arg].name;
}

bool sema_arg_in_default(LayerArg arg)
{
	ENTK_ASSERT(arg < ARG_COUNT);
	return args[arg].in_default;
}

int sema_arg_by_name(const char *name)
{
	for (int i = 0; i < ARG_COUNT; i++)
		if (strcmp(args[i].name, name) == 0)
			return i;
	return -1;
}

const char *sema_symbol_text(const Symbol *symbol)
{
	switch (symbol->kind) {
	case SYMBOL_LET:
		return "a let";
	case SYMBOL_PARAM:
		return "a param";
	case SYMBOL_GROUP:
		return "a group";
	case SYMBOL_DEF:
		return "a def";
	case SYMBOL_NET:
		return "a net";
	case SYMBOL_POISON:
		return "a name";
	case SYMBOL_LANGUAGE:
		if (symbol->layer != NULL)
			return "a layer";
		if (symbol->is_function)
			return "a function of numbers";
		if (symbol->is_choice)
			return "a choice";
		if (symbol->group != NULL || symbol->is_later_group)
			return "a built-in group";
		return "a name of the language";
	}
	ICE("unknown symbol");
}
