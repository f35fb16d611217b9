#include "driver/embed.h"

#include <string.h>

/* Bytes as one string literal, a few dozen to the line. Octal escapes of three digits end by themselves; "?" is written
 * as one, for trigraphs. */
static void write_bytes(const char *bytes, size_t length, FILE *to)
{
	putc('"', to);
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '?')
			putc(c, to);
		else
			fprintf(to, "\\%03o", c);
		if (i % 64 == 63)
			fputs("\"\n\t\"", to);
	}
	putc('"', to);
}

static void write_string(const char *text, FILE *to)
{
	write_bytes(text, strlen(text), to);
}

/* The text of a --set is no file: it stands among the options. */
const EntkSources *embed_sources(Arena *arena, const SourceSet *set, const Options *options)
{
	EntkSource *files = ARENA_ARRAY(arena, EntkSource, (size_t)set->count + set->alias_count + 1);
	uint32_t count = 0;
	for (uint32_t i = 0; i < set->count; i++) {
		const SourceFile *file = &set->files[i];
		if (!file->in_memory)
			files[count++] = (EntkSource){file->path, (const unsigned char *)file->text, file->length};
	}
	for (uint32_t i = 0; i < set->alias_count; i++) {
		const SourceFile *file = &set->files[set->aliases[i].file];
		if (!file->in_memory)
			files[count++] =
				(EntkSource){set->aliases[i].path, (const unsigned char *)file->text, file->length};
	}
	EntkSources *sources = ARENA_NEW(arena, EntkSources);
	*sources = (EntkSources){
		.file_count = count,
		.files = files,
		.include_dir_count = options->include_dir_count,
		.include_dirs = options->include_dirs,
		.set_count = options->set_count,
		.sets = options->sets,
	};
	return sources;
}

static void write_strings(const char *name, const char *const *strings, uint32_t count, FILE *to)
{
	fprintf(to, "static const char *const %s[] = {\n", name);
	for (uint32_t i = 0; i < count; i++) {
		putc('\t', to);
		write_string(strings[i], to);
		fputs(",\n", to);
	}
	fputs("\t0\n};\n", to); /* an array without elements is none */
}

/* Which file's text is this? A file of two spellings has it once. */
static uint32_t text_owner(const EntkSources *sources, uint32_t i)
{
	for (uint32_t k = 0; k < i; k++)
		if (sources->files[k].text == sources->files[i].text)
			return k;
	return i;
}

static void write_texts(const EntkSources *sources, FILE *to)
{
	for (uint32_t i = 0; i < sources->file_count; i++) {
		if (text_owner(sources, i) != i)
			continue;
		fprintf(to, "static const unsigned char text_%u[] =\n\t", i);
		write_bytes((const char *)sources->files[i].text, sources->files[i].length, to);
		fputs(";\n", to);
	}
	fputs("\nstatic const EntkSource files[] = {\n", to);
	for (uint32_t i = 0; i < sources->file_count; i++) {
		fputs("\t{", to);
		write_string(sources->files[i].path, to);
		fprintf(to, ", text_%u, %zu},\n", text_owner(sources, i), sources->files[i].length);
	}
	fputs("};\n\n", to);
}

void embed_write(const EntkSources *sources, const char *source_name, FILE *to)
{
	/* The file is complete in itself: it is compiled where no header is at hand. */
	fputs("/* Written by entkc: the sources and options of a program of the reference backend. */\n"
	      "#include <stddef.h>\n#include <stdint.h>\n\n"
	      "typedef struct EntkSource {\n\tconst char *path;\n\tconst unsigned char *text;\n\tsize_t length;\n"
	      "} EntkSource;\n\n"
	      "typedef struct EntkSources {\n\tuint32_t file_count;\n\tconst EntkSource *files;\n"
	      "\tuint32_t include_dir_count;\n\tconst char *const *include_dirs;\n"
	      "\tuint32_t set_count;\n\tconst char *const *sets;\n} EntkSources;\n\n",
	      to);
	write_texts(sources, to);
	write_strings("include_dirs", sources->include_dirs, sources->include_dir_count, to);
	write_strings("sets", sources->sets, sources->set_count, to);
	fprintf(to, "\nconst EntkSources entk_embedded_sources = {%u, files, %u, include_dirs, %u, sets};\n",
		sources->file_count, sources->include_dir_count, sources->set_count);
	fputs("const char entk_embedded_source_name[] = ", to);
	write_string(source_name, to);
	fputs(";\nconst char entk_embedded_compiler[] = ", to);
	write_string(ENTK_VERSION, to);
	fputs(";\n", to);
}
