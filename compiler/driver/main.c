/* entkc: from FILE.entk to a program. The order of the phases, and the exit codes:
 * 0 good, 1 the user's file, 2 usage or environment, 70 our bug. */
#include <inttypes.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/symmetry.h"
#include "base/path.h"
#include "driver/embed.h"
#include "driver/explain.h"
#include "driver/link.h"
#include "driver/options.h"
#include "driver/output.h"
#include "emit/emit.h"
#include "recursion/rec.h"
#include "network/sema/sema.h"
#include "syntax/ast.h"

enum { EXIT_GOOD = 0, EXIT_USER = 1, EXIT_ENVIRONMENT = 2, EXIT_BUG = 70 };

typedef struct Compiler {
	Arena *arena;
	Options options;
	SourceSet sources;
	Diag *diag;
	uint32_t main_file;
	SetOption *sets;
	const AstFile *ast;
	const Program *program;
} Compiler;

/* ---- names ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);
	return n >= m && strcmp(text + n - m, end) == 0;
}

/* What the source is called in programs and headers. */
static const char *source_name(const Compiler *c)
{
	return options_from_stdin(&c->options) ? "stdin" : base_name(c->options.input);
}

/* The input's base name with another ending: "net.entk" -> "net.so". */
static const char *default_name(Compiler *c, const char *ending)
{
	const char *base = base_name(c->options.input);
	size_t length = strlen(base);
	bool has_ending = ends_with(base, ".entk") && length > 5;
	if (has_ending)
		length -= 5;
	/* a program must not replace its own source */
	if (!has_ending && !ending[0])
		ending = ".out";
	return arena_printf(c->arena, "%s%s", arena_copy(c->arena, base, length), ending);
}

/* ---- code ---- */

static bool emit(Compiler *c, const Program *program, EmitForm form, const char *path)
{
	const Options *o = &c->options;
	const EmitOptions options = {.f32 = o->f32,
				     .cpu = o->cpu,
				     .disabled = o->disabled,
				     .disabled_count = o->disabled_count,
				     .source_name = source_name(c),
				     .compiler_version = ENTK_VERSION,
				     .sources = embed_sources(c->arena, &c->sources, o)};
	char *error = NULL;
	if (emit_program(c->arena, program, &options, form, path, &error))
		return true;
	driver_error("%s", error ? error : "code generation failed");
	return false;
}

/* The header that goes with a shared library: the ABI, complete in itself. */
static bool write_header(Compiler *c, const char *libraries, const char *library, const char *path)
{
	const char *abi = link_abi_header(c->arena, libraries);
	if (!abi)
		return false;
	FILE *file = fopen(path, "w");
	if (file) {
		fprintf(file,
			"/* C interface of %s, which entkc %s made of %s: entk_program() returns the table of its\n"
			" * networks. */\n%s",
			base_name(library), ENTK_VERSION, source_name(c), abi);
		bool good = !ferror(file);
		if (fclose(file) == 0 && good)
			return true;
	}
	driver_error("cannot write \"%.300s\": %s", path, strerror(errno));
	return false;
}

static bool make_shared(Compiler *c, const char *path)
{
	const char *libraries = link_library_folder(c->arena);
	const char *object = libraries ? output_scratch(c->arena, ".o") : NULL;
	if (!object || !emit(c, c->program, EMIT_OBJECT, object))
		return false;
	size_t stem = strlen(path) - (ends_with(path, ".so") ? 3 : 0);
	const char *header_path = arena_printf(c->arena, "%s.h", arena_copy(c->arena, path, stem));
	Output library, header;
	if (!output_begin(c->arena, path, &library))
		return false;
	if (!output_begin(c->arena, header_path, &header)) {
		output_drop(&library);
		return false;
	}
	if (write_header(c, libraries, path, header.temporary) && link_shared(c->arena, object, library.temporary))
		return output_finish(&header) && output_finish(&library);
	output_drop(&header);
	output_drop(&library);
	return false;
}

static bool write_embedded(Compiler *c, const char *path)
{
	FILE *file = fopen(path, "w");
	if (file) {
		embed_write(embed_sources(c->arena, &c->sources, &c->options), source_name(c), file);
		bool good = !ferror(file);
		if (fclose(file) == 0 && good)
			return true;
	}
	driver_error("cannot write \"%.300s\": %s", path, strerror(errno));
	return false;
}

static bool make_program(Compiler *c, const char *path)
{
	const char *libraries = link_library_folder(c->arena);
	const char *part = libraries ? output_scratch(c->arena, c->options.reference ? ".c" : ".o") : NULL;
	if (!part || !(c->options.reference ? write_embedded(c, part) : emit(c, c->program, EMIT_OBJECT, part)))
		return false;
	Output output;
	if (!output_begin(c->arena, path, &output))
		return false;
	if (c->options.reference ? link_reference(c->arena, libraries, part, output.temporary)
				 : link_program(c->arena, libraries, part, output.temporary))
		return output_finish(&output);
	output_drop(&output);
	return false;
}

/* ---- text ---- */

/* Forms that the front end prints; false after a syntax error in --format. */
static bool print_form(Compiler *c, FILE *to)
{
	switch (c->options.form) {
	case FORM_FORMAT:
		return ast_format(&c->sources, c->main_file, c->diag, c->arena, to);
	case FORM_AST:
		ast_print(c->ast, &c->sources, to);
		return true;
	case FORM_NETWORK:
		network_print(c->program, to);
		return true;
	case FORM_DOT:
		network_print_dot(c->program, to);
		return true;
	case FORM_PROGRAM:
	case FORM_RECURSION:
	case FORM_LLVM_IR:
	case FORM_ASM:
	case FORM_OBJECT:
	case FORM_SHARED:
		break;
	}
	return false;
}

static int write_text(Compiler *c, const char *path)
{
	if (strcmp(path, "-") == 0) {
		if (!print_form(c, stdout))
			return EXIT_USER;
		return output_check_stdout() ? EXIT_GOOD : EXIT_ENVIRONMENT;
	}
	Output output;
	if (!output_begin(c->arena, path, &output))
		return EXIT_ENVIRONMENT;
	FILE *file = fopen(output.temporary, "w");
	bool opened = file != NULL, printed = opened && print_form(c, file);
	bool good = opened && !ferror(file);
	if (opened && fclose(file) != 0)
		good = false;
	if (good && printed)
		return output_finish(&output) ? EXIT_GOOD : EXIT_ENVIRONMENT;
	if (!good)
		driver_error("cannot write \"%.300s\": %s", path, strerror(errno));
	output_drop(&output);
	return good ? EXIT_USER : EXIT_ENVIRONMENT;
}

static bool write_code(Compiler *c, EmitForm form, const char *path)
{
	if (strcmp(path, "-") == 0)
		return emit(c, c->program, form, "-") && output_check_stdout();
	Output output;
	if (!output_begin(c->arena, path, &output))
		return false;
	if (emit(c, c->program, form, output.temporary))
		return output_finish(&output);
	output_drop(&output);
	return false;
}

static int write_output(Compiler *c)
{
	const char *path = c->options.output;
	const char *text_path = path ? path : "-";
	bool good = false;
	switch (c->options.form) {
	case FORM_FORMAT:
	case FORM_AST:
	case FORM_NETWORK:
	case FORM_DOT:
		return write_text(c, text_path);
	case FORM_RECURSION:
		good = write_code(c, EMIT_RECURSION, text_path);
		break;
	case FORM_LLVM_IR:
		good = write_code(c, EMIT_LLVM_IR, text_path);
		break;
	case FORM_ASM:
		good = write_code(c, EMIT_ASM, text_path);
		break;
	case FORM_OBJECT:
		good = write_code(c, EMIT_OBJECT, path ? path : default_name(c, ".o"));
		break;
	case FORM_SHARED:
		good = make_shared(c, path ? path : default_name(c, ".so"));
		break;
	case FORM_PROGRAM:
		good = make_program(c, path ? path : default_name(c, ""));
		break;
	}
	return good ? EXIT_GOOD : EXIT_ENVIRONMENT;
}

/* ---- phases ---- */

static bool load(Compiler *c)
{
	const char *path = c->options.input;
	bool from_stdin = options_from_stdin(&c->options);
	switch (from_stdin ? source_load_stdin(&c->sources, &c->main_file)
			   : source_load(&c->sources, path, &c->main_file)) {
	case SOURCE_UNREADABLE:
		driver_error("cannot read \"%.300s\": %s", path, strerror(errno));
		return false;
	case SOURCE_TOO_LARGE:
		driver_error("\"%.300s\" is larger than 64 MiB", path);
		return false;
	case SOURCE_OK:
	case SOURCE_ALREADY_LOADED:
		return true;
	}
	return false;
}

static bool parse_sets(Compiler *c)
{
	c->sets = ARENA_ARRAY(c->arena, SetOption, c->options.set_count + 1);
	bool good = true;
	for (uint32_t i = 0; i < c->options.set_count; i++) {
		AstExpr *value = NULL;
		good &= parse_set_option(c->arena, &c->sources, c->diag, c->options.sets[i], &c->sets[i].name, &value,
					 &c->sets[i].span);
		c->sets[i].value = value;
	}
	return good;
}

static bool check(Compiler *c)
{
	c->program = sema_check(c->arena, &c->sources, c->diag, c->ast, c->sets, c->options.set_count);
	ENTK_ASSERT(c->program || diag_error_count(c->diag) > 0);
	if (diag_error_count(c->diag) > 0)
		return false;
	for (uint32_t i = 0; i < c->program->network_count; i++)
		symmetry_warn(c->diag, c->arena, c->program->networks[i]);
	return diag_error_count(c->diag) == 0;
}

static bool explain(Compiler *c)
{
	bool full = c->options.explain_full;
	if (c->options.reference)
		explain_invariance(c->arena, c->program, stdout);
	if (full)
		explain_symmetry(c->arena, &c->sources, c->program, stdout);
	if (!output_check_stdout())
		return false;
	if (!c->options.reference &&
	    (!emit(c, c->program, EMIT_SUMMARY, "-") || (full && !emit(c, c->program, EMIT_EXPLAIN, "-"))))
		return false;
	if (!full)
		puts("What the optimizer did is said by --explain=full.");
	return output_check_stdout();
}

/* Is a kernel of every net to be computed? */
static bool needs_kernels(const Options *options)
{
	switch (options->form) {
	case FORM_FORMAT:
	case FORM_AST:
	case FORM_NETWORK:
	case FORM_DOT:
		return false;
	case FORM_RECURSION:
	case FORM_LLVM_IR:
	case FORM_ASM:
	case FORM_OBJECT:
	case FORM_SHARED:
		return true;
	case FORM_PROGRAM:
		return !options->explain || options->output || options->form_given;
	}
	return true;
}

/* Compiling must not replace what is compiled. */
static bool is_source(const Compiler *c, const char *path)
{
	struct stat info;
	if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
		return false;
	for (uint32_t i = 0; i < c->sources.count; i++) {
		const SourceFile *file = &c->sources.files[i];
		if (!file->in_memory && file->device == info.st_dev && file->inode == info.st_ino) {
			driver_error("-o \"%.300s\" is a source file", path);
			return true;
		}
	}
	return false;
}

static int fail(Compiler *c, int status)
{
	diag_print(c->diag, stderr, c->options.diag);
	return status;
}

/* Kernels are written layer by layer, but for the loops of repeats: a net that is too long for that is the user's to mend. */
static bool report_lengths(Diag *diag, const Program *program)
{
	bool fits = true;
	for (uint32_t i = 0; i < program->network_count; i++) {
		const Network *network = program->networks[i];
		uint64_t layers = rec_written_out(network);
		if (layers <= REC_MAX_LAYERS)
			continue;
		fits = diag_error(diag, network->span, "E0410",
				  "net \"%s\" has %" PRIu64 " layers one by one, kernels take at most %d",
				  network->name, layers, REC_MAX_LAYERS);
		diag_hint(diag, "A repeat stays a loop where shape and domain do not change and no layer in it pools, "
				"lifts or leaves a "
				"group.");
	}
	return fits;
}

static int compile(Compiler *c)
{
	if (!load(c))
		return EXIT_ENVIRONMENT;
	if (c->options.form == FORM_FORMAT) {
		int status = write_output(c);
		return fail(c, status);
	}
	if (!parse_sets(c))
		return fail(c, EXIT_ENVIRONMENT);
	c->ast = parse_file(c->arena, &c->sources, c->diag, c->main_file);
	if (c->options.form == FORM_AST && c->options.output && is_source(c, c->options.output))
		return EXIT_ENVIRONMENT;
	if (c->options.form == FORM_AST)
		return diag_error_count(c->diag) ? fail(c, EXIT_USER) : write_output(c);
	if (!check(c))
		return fail(c, EXIT_USER);
	if (needs_kernels(&c->options) && !report_lengths(c->diag, c->program))
		return fail(c, EXIT_USER);
	diag_print(c->diag, stderr, c->options.diag); /* warnings */
	if (c->options.output && is_source(c, c->options.output))
		return EXIT_ENVIRONMENT;
	if (c->options.explain && !explain(c))
		return EXIT_ENVIRONMENT;
	if (c->options.explain && !c->options.output && !c->options.form_given)
		return EXIT_GOOD;
	return write_output(c);
}

/* ---- our own bugs ---- */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define UNDER_SANITIZER 1
#endif

/* A crash is a bug of the compiler: say so instead of dying silently. Sanitizers say more by themselves. */
static void on_crash(int number)
{
	static const char text[] = "entkc: internal error: crashed. This is a bug of the compiler, not of your file. "
				   "Please report it together with the file.\n";
	(void)number;
	ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
	(void)ignored;
	_exit(EXIT_BUG);
}

static void report_crashes(void)
{
#ifndef UNDER_SANITIZER
	static char stack[65536]; /* the ordinary one may have overflowed */
	stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
	sigaltstack(&alternative, NULL);
	const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_ONSTACK | (int)SA_RESETHAND};
		sigaction(numbers[i], &action, NULL);
	}
#else
	(void)on_crash;
#endif
}

int main(int argc, char **argv)
{
	path_reserve_descriptors();
	report_crashes();
	output_clean_up_at_exit();
	Compiler c = {.arena = arena_create()};
	c.sources.arena = c.arena;
	c.diag = diag_create(c.arena, &c.sources);
	int status = EXIT_ENVIRONMENT;
	switch (options_parse(c.arena, argc, argv, &c.options)) {
	case OPTIONS_WRONG:
		break;
	case OPTIONS_DONE:
		status = output_check_stdout() ? EXIT_GOOD : EXIT_ENVIRONMENT;
		break;
	case OPTIONS_RUN:
		c.sources.include_dirs = c.options.include_dirs;
		c.sources.include_dir_count = c.options.include_dir_count;
		status = compile(&c);
		break;
	}
	exit(status); /* before the arena goes: the names of temporary files are in it */
}
