/* The commands of a generated program.
 *
 * A command is a row of the table in commands.c. Its function gets argv[0] = the program's name (for messages) and
 * argv[1..] = its own arguments; it returns the exit status. */
#ifndef ENTK_COMMANDS_H
#define ENTK_COMMANDS_H

#include "entk_abi.h"

typedef struct EntkCommand {
	const char *name;
	const char *summary; /* one line for `--help` */
	int (*run)(const EntkProgram *program, int argc, char **argv);
} EntkCommand;

int entk_command_info(const EntkProgram *program, int argc, char **argv);
int entk_command_gram(const EntkProgram *program, int argc, char **argv);
int entk_command_export(const EntkProgram *program, int argc, char **argv);
int entk_command_verify(const EntkProgram *program, int argc, char **argv);
int entk_command_merge(const EntkProgram *program, int argc, char **argv);
int entk_command_bench(const EntkProgram *program, int argc, char **argv);
int entk_command_fit(const EntkProgram *program, int argc, char **argv);
int entk_command_predict(const EntkProgram *program, int argc, char **argv);
int entk_command_eval(const EntkProgram *program, int argc, char **argv);
int entk_command_compare(const EntkProgram *program, int argc, char **argv);
int entk_command_check(const EntkProgram *program, int argc, char **argv);
int entk_command_spectrum(const EntkProgram *program, int argc, char **argv);

/* Everything that main() does. */
int entk_main(const EntkProgram *program, int argc, char **argv);

#endif
