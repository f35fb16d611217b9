#include "driver/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/codes.h"
#include "emit/emit.h"

static const struct {
	const char *name;
	OutputForm form;
} forms[] = {
	{"ast", FORM_AST},         {"network", FORM_NETWORK}, {"dot", FORM_DOT},    {"recursion", FORM_RECURSION},
	{"llvm-ir", FORM_LLVM_IR}, {"asm", FORM_ASM},         {"obj", FORM_OBJECT}, {"shared", FORM_SHARED},
};
#define FORM_COUNT (sizeof forms / sizeof *forms)

bool form_is_text(OutputForm form)
{
	switch (form) {
	case FORM_AST:
	case FORM_NETWORK:
	case FORM_DOT:
	case FORM_RECURSION:
	case FORM_LLVM_IR:
	case FORM_ASM:
	case FORM_FORMAT:
		return true;
	case FORM_PROGRAM:
	case FORM_OBJECT:
	case FORM_SHARED:
		return false;
	}
	return false;
}

void driver_error(const char *format, ...)
{
	char text[1000];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fflush(stdout);
	fprintf(stderr, "entkc: error: %s%s\n", text, length >= (int)sizeof text ? "..." : "");
}

static const char help_text[] = "Usage: entkc FILE.entk [OPTION...]\n"
				"Compile the networks of FILE.entk (\"-\": stdin) to a program that computes their\n"
				"exact NNGP and NTK kernels.\n"
				"\n"
				"Output:\n"
				"  -o FILE               write to FILE; \"-\" prints a text form to stdout\n"
				"                        (default: FILE.entk's base name without .entk; text\n"
				"                        forms go to stdout)\n"
				"      --emit=FORM       write something else than a program: ast, network, dot\n"
				"                        (what was understood); recursion, llvm-ir, asm, obj (the\n"
				"                        program's parts); shared (a library NAME.so and its C\n"
				"                        header NAME.h)\n"
				"      --format          print FILE.entk in canonical layout\n"
				"      --explain         print what symmetry brings and what a kernel costs;\n"
				"                        without -o and --emit, compile nothing\n"
				"      --explain=full    print what the optimizer did, too\n"
				"      --explain=CODE    print what the code of a message means (E0507); no FILE\n"
				"\n"
				"Meaning:\n"
				"      --set NAME=EXPR   replace the value of a let or param (repeatable)\n"
				"  -I DIR                look for included files in DIR too (repeatable)\n"
				"\n"
				"Code:\n"
				"      --precision=P     compute in f64 (default) or f32\n"
				"      --cpu=NAME        compile for a CPU instead of this machine's: x86-64-v2,\n"
				"                        x86-64-v3, x86-64-v4, or an LLVM name; --cpu=help lists\n"
				"                        them\n"
				"      --backend=reference\n"
				"                        a slow program that evaluates the definitions, to\n"
				"                        compare with\n";

static const char help_tail[] = "\n"
				"Messages:\n"
				"      --color=WHEN      auto (default: on a terminal, unless NO_COLOR is set),\n"
				"                        always, never\n"
				"      --diag=line       one line per message, for editors:\n"
				"                        file:line:column:severity:code:message\n"
				"      --version         print the version\n"
				"  -h, --help            print this\n"
				"\n"
				"Exit status: 0; 1 an error in the user's file; 2 usage or environment; 70 a bug\n"
				"of entkc.\n"
				"Environment: CC, the command that links (default cc); ENTK_LIBDIR, the folder of\n"
				"libentk.a; NO_COLOR.\n";

static void print_help(void)
{
	fputs(help_text, stdout);
	if (emit_optimizations[0]) {
		printf("      --disable=NAME    switch an optimization off (repeatable):");
		unsigned column = 200;
		for (const char *const *name = emit_optimizations; *name; name++) {
			unsigned length = (unsigned)strlen(*name) + 2;
			if (column + length > 80) {
				fputs("\n                        ", stdout);
				column = 24;
			}
			printf("%s%s", *name, name[1] ? ", " : "\n");
			column += length;
		}
	}
	fputs(help_tail, stdout);
}

enum {
	OPTION_EMIT = 256,
	OPTION_FORMAT,
	OPTION_EXPLAIN,
	OPTION_PRECISION,
	OPTION_CPU,
	OPTION_DISABLE,
	OPTION_BACKEND,
	OPTION_SET,
	OPTION_COLOR,
	OPTION_DIAG,
	OPTION_VERSION
};

static const struct option long_options[] = {
	{"emit", required_argument, NULL, OPTION_EMIT},
	{"format", no_argument, NULL, OPTION_FORMAT},
	{"explain", optional_argument, NULL, OPTION_EXPLAIN},
	{"precision", required_argument, NULL, OPTION_PRECISION},
	{"cpu", required_argument, NULL, OPTION_CPU},
	{"disable", required_argument, NULL, OPTION_DISABLE},
	{"backend", required_argument, NULL, OPTION_BACKEND},
	{"set", required_argument, NULL, OPTION_SET},
	{"color", required_argument, NULL, OPTION_COLOR},
	{"diag", required_argument, NULL, OPTION_DIAG},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool wrong(const char *what, const char *value, const char *wanted)
{
	driver_error("%s \"%.300s\" is unknown%s%s", what, value, *wanted ? ", expected " : "", wanted);
	return false;
}

static bool set_form(Options *options, OutputForm form)
{
	if (options->form_given && options->form != form) {
		driver_error("two forms of output are asked for, only one is possible");
		return false;
	}
	options->form = form;
	options->form_given = true;
	return true;
}

static bool parse_emit(Options *options, const char *value)
{
	for (size_t i = 0; i < FORM_COUNT; i++)
		if (strcmp(value, forms[i].name) == 0)
			return set_form(options, forms[i].form);
	return wrong("--emit form", value, "ast, network, dot, recursion, llvm-ir, asm, obj or shared");
}

static bool parse_disable(Options *options, const char *value)
{
	size_t count = 0;
	for (; emit_optimizations[count]; count++) {
		if (strcmp(value, emit_optimizations[count]) == 0) {
			options->disabled[options->disabled_count++] = emit_optimizations[count];
			return true;
		}
	}
	const char *near = diag_did_you_mean(value, emit_optimizations, count);
	if (near)
		driver_error("optimization \"%.300s\" is unknown, did you mean \"%s\"?", value, near);
	else
		wrong("optimization", value, "one of those that --help lists");
	return false;
}

/* --explain, --explain=full; codes are answered before. */
static bool parse_explain(Options *options, const char *value)
{
	options->explain = true;
	if (value && strcmp(value, "full") != 0)
		return wrong("what --explain is to explain,", value, "full, or the code of a message as E0507");
	options->explain_full = options->explain_full || value;
	return true;
}

static bool parse_color(Options *options, const char *value)
{
	if (strcmp(value, "auto") == 0) {
		const char *no = getenv("NO_COLOR"), *terminal = getenv("TERM");
		options->coloured =
			isatty(STDERR_FILENO) && !(no && no[0]) && !(terminal && strcmp(terminal, "dumb") == 0);
		return true;
	}
	options->coloured = strcmp(value, "always") == 0;
	return options->coloured || strcmp(value, "never") == 0 ||
	       wrong("when to colour,", value, "auto, always or never");
}

static bool parse_choice(const char *what, const char *value, const char *off, const char *on, bool *result)
{
	*result = strcmp(value, on) == 0;
	if (*result || (off && strcmp(value, off) == 0))
		return true;
	char wanted[64];
	snprintf(wanted, sizeof wanted, "%s%s%s", off ? off : "", off ? " or " : "", on);
	return wrong(what, value, wanted);
}

static bool parse_one(Options *options, int option, const char *value)
{
	bool chosen = false;
	switch (option) {
	case 'o':
		if (options->output) {
			driver_error("-o is given twice");
			return false;
		}
		options->output = value;
		return true;
	case 'I':
		options->include_dirs[options->include_dir_count++] = value;
		return true;
	case OPTION_EMIT:
		return parse_emit(options, value);
	case OPTION_FORMAT:
		return set_form(options, FORM_FORMAT);
	case OPTION_EXPLAIN:
		return parse_explain(options, value);
	case OPTION_PRECISION:
		return parse_choice("precision", value, "f64", "f32", &options->f32);
	case OPTION_CPU:
		options->cpu = value;
		return emit_cpu_known(value) ||
		       wrong("CPU", value, "x86-64-v2, x86-64-v3, x86-64-v4 or a name that --cpu=help lists");
	case OPTION_DISABLE:
		return parse_disable(options, value);
	case OPTION_BACKEND:
		return parse_choice("backend", value, NULL, "reference", &options->reference);
	case OPTION_SET:
		options->sets[options->set_count++] = value;
		return true;
	case OPTION_COLOR:
		return parse_color(options, value);
	case OPTION_DIAG:
		if (!parse_choice("form of messages", value, NULL, "line", &chosen))
			return false;
		options->diag = DIAG_LINE;
		return true;
	}
	return false;
}

/* What is asked for instead of a compilation is printed at once. */
static bool answer(int option, const char *value, OptionsResult *result)
{
	*result = OPTIONS_DONE;
	if (option == 'h') {
		print_help();
	} else if (option == OPTION_VERSION) {
		printf("entkc %s\n", ENTK_VERSION);
	} else if (option == OPTION_CPU && strcmp(value, "help") == 0) {
		emit_cpu_list(stdout);
	} else if (option == OPTION_EXPLAIN && value && code_looks_like(value)) {
		if (!code_explain(value, stdout)) {
			driver_error("no message has the code \"%.300s\"; docs/diagnostics.md lists them", value);
			*result = OPTIONS_WRONG;
		}
	} else {
		return false;
	}
	return true;
}

/* What getopt_long refused. */
static void report_refused(int option, int argc, char **argv)
{
	const char *text = optind > 0 && optind - 1 < argc ? argv[optind - 1] : "";
	if (option == ':')
		driver_error("option \"%.300s\" needs a value", text);
	else if (optopt > 0 && optopt < 256)
		driver_error("option \"-%c\" is unknown; see entkc --help", optopt);
	else
		driver_error("option \"%.300s\" is unknown or has a value too many; see entkc --help", text);
}

bool options_from_stdin(const Options *options)
{
	return strcmp(options->input, "-") == 0;
}

/* Without its suffix a library looks like a program, may take the place of one, and crashes when it is run. */
static bool check_library_name(const Options *options)
{
	if (options->form != FORM_SHARED || !options->output)
		return true;
	const char *slash = strrchr(options->output, '/'), *name = slash ? slash + 1 : options->output;
	const char *suffix = strstr(name, ".so");
	if (suffix && suffix != name && (suffix[3] == '\0' || suffix[3] == '.'))
		return true;
	driver_error("--emit=shared makes a library, not a program: give it a name that ends in .so, -o %.300s.so",
		     options->output);
	return false;
}

/* Options that contradict each other. */
static bool check(const Options *options)
{
	if (!options->input) {
		driver_error("no file to compile; see entkc --help");
		return false;
	}
	bool compiled = options->form == FORM_RECURSION || options->form == FORM_LLVM_IR || options->form == FORM_ASM ||
			options->form == FORM_OBJECT || options->form == FORM_SHARED;
	if (options->reference && compiled) {
		driver_error("--backend=reference makes programs only, no other --emit form of code");
		return false;
	}
	if (options->explain && (options->form == FORM_FORMAT || options->form == FORM_AST)) {
		driver_error(
			"--explain does not go together with --format and --emit=ast, which do not look at networks");
		return false;
	}
	bool to_stdout = options->output && strcmp(options->output, "-") == 0;
	if (to_stdout && !form_is_text(options->form)) {
		driver_error("only text forms can be written to stdout; give -o a file name");
		return false;
	}
	if (options->output && !options->output[0]) {
		driver_error("-o needs a file name");
		return false;
	}
	bool linked = options->form == FORM_SHARED ||
		      (options->form == FORM_PROGRAM && (!options->explain || options->output));
	if (options_from_stdin(options) && !options->output && (linked || options->form == FORM_OBJECT)) {
		driver_error("what is made of stdin has no name of its own: give it one with -o");
		return false;
	}
	if (linked && options->cpu && !options->reference && !emit_cpu_links_here(options->cpu)) {
		driver_error("this machine cannot link programs for \"%.300s\"; objects only: --emit=obj",
			     options->cpu);
		return false;
	}
	return check_library_name(options);
}

OptionsResult options_parse(Arena *arena, int argc, char **argv, Options *options)
{
	*options = (Options){.diag = DIAG_HUMAN};
	parse_color(options, "auto");
	size_t most = argc > 0 ? (size_t)argc : 1;
	options->disabled = ARENA_ARRAY(arena, const char *, most);
	options->sets = ARENA_ARRAY(arena, const char *, most);
	options->include_dirs = ARENA_ARRAY(arena, const char *, most);
	opterr = 0;
	for (int option; (option = getopt_long(argc, argv, ":o:I:h", long_options, NULL)) != -1;) {
		OptionsResult result;
		if (option == ':' || option == '?') {
			report_refused(option, argc, argv);
			return OPTIONS_WRONG;
		}
		if (answer(option, optarg, &result))
			return result;
		if (!parse_one(options, option, optarg))
			return OPTIONS_WRONG;
	}
	if (argc - optind > 1) {
		driver_error("one file is compiled at a time, found \"%.300s\" and \"%.300s\"", argv[optind],
			     argv[optind + 1]);
		return OPTIONS_WRONG;
	}
	options->input = optind < argc ? argv[optind] : NULL;
	/* `--explain E0507`: an option's optional value stands behind "=", but nobody has to know that. */
	OptionsResult result;
	if (options->explain && options->input && access(options->input, F_OK) != 0 &&
	    answer(OPTION_EXPLAIN, options->input, &result))
		return result;
	if (options->coloured && options->diag == DIAG_HUMAN)
		options->diag = DIAG_COLOURED;
	return check(options) ? OPTIONS_RUN : OPTIONS_WRONG;
}
