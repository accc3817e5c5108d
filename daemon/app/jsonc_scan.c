#include "app/jsonc_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum {
    MAX_NUMBER_LENGTH = 63
}; /* cJSON cuts off longer ones */

typedef struct {
    const char *text;
    char *plain; /* the same without comments, in progress */
    size_t length;
    size_t at; /* the next byte; text[length] is zero, and no other byte is */
    unsigned depth;
    JsoncSpan *spans;
    size_t count;
    JsoncError *error;
} Scanner;

JsoncPlace jsonc_scan_place(const char *text, size_t at)
{
    JsoncPlace place = {1, 1};
    for (size_t i = 0; i < at; i++) {
        if (text[i] == '\n') {
            place.line++;
            place.column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            place.column++;
        }
    }
    return place;
}

__attribute__((format(printf, 3, 4))) static int fail(Scanner *s, size_t at, const char *format,
                                                      ...)
{
    s->error->place = jsonc_scan_place(s->text, at);
    va_list args;
    va_start(args, format);
    vsnprintf(s->error->text, sizeof s->error->text, format, args);
    va_end(args);
    return -EINVAL;
}

static char peek(const Scanner *s)
{
    return s->text[s->at];
}

/* Something else stands where `wanted` should. */
static int unexpected(Scanner *s, const char *wanted)
{
    char c = peek(s);
    if (c == '\0')
        return fail(s, s->at, "the text ends where %s should be", wanted);
    if (c > ' ' && c < 127)
        return fail(s, s->at, "'%c' where %s should be%s", c, wanted,
                    c == '#' ? "; comments begin with //" : "");
    return fail(s, s->at, "byte 0x%02X where %s should be", (unsigned)(unsigned char)c, wanted);
}

static int check_bytes(Scanner *s)
{
    const char *text = s->text;
    size_t length = s->length;
    if (strncmp(text, "\xEF\xBB\xBF", 3) == 0)
        return fail(s, 0, "a byte order mark: save the file as UTF-8 without it");
    for (size_t i = 0, step; i < length; i += step) {
        step = utf8_sequence_length(text + i, length - i);
        if (step == 0)
            return fail(s, i, "byte 0x%02X is not valid UTF-8: save the file as UTF-8",
                        (unsigned)(unsigned char)text[i]);
        if (text[i] == 0)
            return fail(s, i, "a zero byte: this is no text file");
    }
    return 0;
}

/* Passes over the comment at `at`, if there is one, leaving blanks in its place. */
static int skip_comment(Scanner *s)
{
    const char *text = s->text;
    size_t start = s->at;
    size_t end;
    if (text[start + 1] == '*') {
        const char *close = strstr(text + start + 2, "*/");
        if (close == NULL)
            return fail(s, start, "a comment that is not closed");
        end = (size_t)(close - text) + 2;
    } else if (text[start + 1] == '/') {
        end = start + strcspn(text + start, "\n");
    } else {
        return fail(s, start, "'/' that begins no comment");
    }
    for (; s->at < end; s->at++)
        if (text[s->at] != '\n')
            s->plain[s->at] = ' ';
    return 0;
}

static int skip_space(Scanner *s)
{
    for (;;) {
        s->at += strspn(s->text + s->at, " \t\r\n");
        if (peek(s) != '/')
            return 0;
        int status = skip_comment(s);
        if (status < 0)
            return status;
    }
}

/* Four hexadecimal digits. => their value; -EINVAL: they are not there. */
static int scan_hex4(const char *digits)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        static const char hex[] = "0123456789abcdef0123456789ABCDEF";
        const char *found = digits[i] == '\0' ? NULL : strchr(hex, digits[i]);
        if (found == NULL)
            return -EINVAL;
        value = value * 16 + (int)((found - hex) % 16);
    }
    return value;
}

/* At a backslash inside a string. */
static int scan_escape(Scanner *s)
{
    const char *text = s->text + s->at;
    if (text[1] != '\0' && strchr("\"\\/bfnrt", text[1]) != NULL) {
        s->at += 2;
        return 0;
    }
    int unit = text[1] == 'u' ? scan_hex4(text + 2) : -EINVAL;
    if (unit < 0)
        return fail(s, s->at, "a backslash that begins no JSON escape");
    if (unit == 0)
        return fail(s, s->at, "\\u0000 in a string");
    s->at += 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return 0;
    int low = unit < 0xDC00 && text[6] == '\\' && text[7] == 'u' ? scan_hex4(text + 8) : -EINVAL;
    if (low < 0xDC00 || low > 0xDFFF)
        return fail(s, s->at - 6, "half of a surrogate pair in a string");
    s->at += 6;
    return 0;
}

static int scan_string(Scanner *s)
{
    size_t start = s->at++;
    while (peek(s) != '"') {
        unsigned char c = (unsigned char)peek(s);
        if (c == '\0' || c == '\n')
            return fail(s, start, "a string that is not closed on its line");
        if (c < ' ')
            return fail(s, s->at, "control character 0x%02X in a string", (unsigned)c);
        if (c != '\\') {
            s->at++;
            continue;
        }
        int status = scan_escape(s);
        if (status < 0)
            return status;
    }
    s->at++;
    return 0;
}

static bool scan_digits(Scanner *s)
{
    size_t count = strspn(s->text + s->at, "0123456789");
    s->at += count;
    return count > 0;
}

static int scan_number(Scanner *s)
{
    size_t start = s->at;
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0' && s->text[s->at + 1] >= '0' && s->text[s->at + 1] <= '9')
        return fail(s, start, "a number with a leading zero");
    bool valid = scan_digits(s);
    if (valid && peek(s) == '.') {
        s->at++;
        valid = scan_digits(s);
    }
    if (valid && (peek(s) == 'e' || peek(s) == 'E')) {
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        valid = scan_digits(s);
    }
    if (!valid)
        return unexpected(s, "a digit");
    if (s->at - start > MAX_NUMBER_LENGTH)
        return fail(s, start, "a number of more than %d characters", MAX_NUMBER_LENGTH);
    return 0;
}

static int scan_word(Scanner *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(s->text + s->at, words[i], length) == 0) {
            s->at += length;
            return 0;
        }
    }
    if (s->depth == 0)
        return unexpected(s, "'{'");
    char c = peek(s);
    bool is_text = c == '\'' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return unexpected(s, is_text ? "a value (text stands in double quotes)" : "a value");
}

static int scan_container(Scanner *s, char close);

static int scan_bare_value(Scanner *s)
{
    char c = peek(s);
    if (c == '{')
        return scan_container(s, '}');
    if (c == '[')
        return scan_container(s, ']');
    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    return scan_word(s);
}

/* A value and the blanks behind it. */
static int scan_value(Scanner *s, size_t key)
{
    if (s->count == JSONC_MAX_VALUES)
        return fail(s, s->at, "more than %d values", JSONC_MAX_VALUES);
    JsoncSpan *span = &s->spans[s->count++];
    *span = (JsoncSpan){.key = key, .value = s->at};
    int status = scan_bare_value(s);
    if (status < 0)
        return status;
    span->end = s->at;
    return skip_space(s);
}

static int scan_member(Scanner *s)
{
    size_t key = s->at;
    if (peek(s) != '"')
        return unexpected(s, "a key in double quotes");
    int status = scan_string(s);
    if (status == 0)
        status = skip_space(s);
    if (status < 0)
        return status;
    if (peek(s) != ':')
        return unexpected(s, "':'");
    s->at++;
    status = skip_space(s);
    return status < 0 ? status : scan_value(s, key);
}

/* Neither a comma nor the closing bracket. */
static int not_closed(Scanner *s, size_t open, char close)
{
    if (peek(s) == '\0')
        return fail(s, s->at, "the text ends, and the '%c' of line %zu is not closed",
                    s->text[open], jsonc_scan_place(s->text, open).line);
    return unexpected(s, close == '}' ? "',' or '}'" : "',' or ']'");
}

static int skip_comma(Scanner *s, char close)
{
    size_t comma = s->at++;
    int status = skip_space(s);
    if (status == 0 && peek(s) == close)
        return fail(s, comma, "a comma before '%c': take it out", close);
    return status;
}

/* An object or a list, from its opening bracket on. */
static int scan_container(Scanner *s, char close)
{
    size_t open = s->at++;
    if (++s->depth > JSONC_MAX_DEPTH)
        return fail(s, open, "objects and lists more than %d deep", JSONC_MAX_DEPTH);
    int status = skip_space(s);
    bool more = status == 0 && peek(s) != close;
    while (more) {
        status = close == '}' ? scan_member(s) : scan_value(s, s->at);
        if (status < 0)
            return status;
        more = peek(s) == ',';
        if (!more && peek(s) != close)
            return not_closed(s, open, close);
        status = more ? skip_comma(s, close) : 0;
        if (status < 0)
            return status;
    }
    s->at++;
    s->depth--;
    return status;
}

int jsonc_scan(const char *text, size_t length, char *plain,
               JsoncSpan spans[static JSONC_MAX_VALUES], size_t *count, JsoncError *error)
{
    Scanner s = {.text = text, .plain = plain, .length = length, .spans = spans, .error = error};
    memcpy(plain, text, length + 1);
    int status = check_bytes(&s);
    if (status == 0)
        status = skip_space(&s);
    if (status == 0)
        status = scan_value(&s, s.at);
    if (status == 0 && s.at < length)
        status = unexpected(&s, "the end of the text");
    if (status == 0)
        *count = s.count;
    return status;
}
