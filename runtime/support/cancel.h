/* Interruption by signals: long work looks at a flag and stops. */
#ifndef ENTK_CLI_CANCEL_H
#define ENTK_CLI_CANCEL_H

/* SIGINT and SIGTERM set the flag; a second one kills. */
void entk_cancel_install(void);
/* Non-zero after SIGINT or SIGTERM. */
const volatile int *entk_cancel_flag(void);

#endif
