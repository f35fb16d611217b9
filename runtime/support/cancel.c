/* Interruption by signals: see cancel.h. */
#include "support/cancel.h"

#include <signal.h>
#include <stddef.h>

/* The only mutable global: a signal handler can reach nothing else. */
static volatile int cancelled;

const volatile int *entk_cancel_flag(void)
{
	return &cancelled;
}

static void handle_signal(int number)
{
	(void)number;
	cancelled = 1;
}

void entk_cancel_install(void)
{
	/* The second Ctrl-C kills: SA_RESETHAND. */
	struct sigaction action = {.sa_handler = handle_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* A file beyond the size limit is a failed write with a message, not a death. */
	sigaction(SIGXFSZ, &ignore, NULL);
}
