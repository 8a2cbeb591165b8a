/* The smallest CGI program, as hello.sh is, for those who count microseconds: no interpreter has to start.
 *
 *     cc -O2 -Wall -Wextra -o hello.cgi hello.c
 *
 * This file is not executable, so no server runs it, and ours does not show it either: hello.cgi is the program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A variable that is not set and one that is empty mean the same (RFC 3875 section 4.1); printf must not see NULL. */
static const char *given(const char *name, const char *otherwise)
{
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : otherwise;
}

int main(void)
{
    printf("Content-Type: text/plain; charset=utf-8\n\n");
    if (strcmp(given("REQUEST_METHOD", "GET"), "HEAD") != 0) {
        /* Never printf(value): what a visitor wrote is no format string. */
        printf("Hello, %s!\n", given("REMOTE_ADDR", "visitor"));
        printf("You asked with %s for %s, and behind that stood '%s'.\n", given("REQUEST_METHOD", ""),
               given("SCRIPT_NAME", ""), given("PATH_INFO", ""));
        printf("I am process %ld, started for you alone, and this is my last line.\n", (long)getpid());
    }
    /* Output may be full or closed: only now is it known whether all of it went out. */
    return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
