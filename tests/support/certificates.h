#ifndef REDFERRY_CERTIFICATES_H
#define REDFERRY_CERTIFICATES_H

#include <stdio.h>
#include <stdlib.h>

/*
 * Certificates for a test, made by the openssl program in directory: two authorities (ca,
 * other) and, signed by ca, a server's for localhost and 127.0.0.1 (server), one for another
 * name (stranger), and a client's (client); each as NAME.crt and NAME.key. Returns 0 where all
 * went well.
 */
static inline int certificates_make(const char *directory)
{
    static const char script[] =
        "set -e; cd '%s'; new() { openssl req -x509 -newkey ec "
        "-pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -keyout \"$1.key\" "
        "-out \"$1.crt\" -subj \"/CN=$1\" \"${@:2}\" 2>>openssl.log; }; "
        "new ca; new other; "
        "new server -CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE "
        "-addext subjectAltName=DNS:localhost,IP:127.0.0.1; "
        "new stranger -CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE "
        "-addext subjectAltName=DNS:stranger.example; "
        "new client -CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE";
    char text[2048];
    char command[4096];
    (void)snprintf(text, sizeof text, script, directory);
    (void)snprintf(command, sizeof command, "bash -c \"$(cat <<'END'\n%s\nEND\n)\"", text);
    return system(command);
}

#endif
