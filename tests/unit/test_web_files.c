#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "http/web_files.h"

/* => the file's bytes, to be freed. Tests run at the top of the tree. */
static char *read_file(const char *name, size_t *length)
{
    char path[512];
    assert_true(snprintf(path, sizeof path, "daemon/http/web/%s", name) < (int)sizeof path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t room = 1 << 20;
    char *bytes = malloc(room);
    assert_non_null(bytes);
    *length = fread(bytes, 1, room, file);
    assert_true(*length > 0 && *length < room);
    fclose(file);
    return bytes;
}

static const char *type_of(const char *name)
{
    static const struct {
        const char *suffix;
        const char *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".svg", "image/svg+xml"}};
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix != NULL && i < sizeof types / sizeof types[0]; i++)
        if (strcmp(suffix, types[i].suffix) == 0)
            return types[i].type;
    fail_msg("%s: a file of an unknown kind", name);
    return NULL;
}

static void test_every_file_of_the_folder_is_embedded_whole(void **state)
{
    (void)state;
    DIR *folder = opendir("daemon/http/web");
    const struct dirent *entry;
    unsigned files = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        WebFile file;
        size_t length = 0;
        char *bytes = read_file(entry->d_name, &length);
        assert_true(web_files_find(entry->d_name, strlen(entry->d_name), &file));
        assert_string_equal(entry->d_name, file.name);
        assert_string_equal(type_of(entry->d_name), file.type);
        assert_int_equal(length, file.length);
        assert_memory_equal(bytes, file.data, length);
        free(bytes);
        files++;
    }
    closedir(folder);
    assert_true(files >= 3);
}

static void test_other_names_are_not_found(void **state)
{
    (void)state;
    static const char *const names[] = {"",           "index.htm", "index.html/", "INDEX.HTML",
                                        "../site.c",  "..",        "/index.html", "style",
                                        "web_files.c"};
    WebFile file;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(web_files_find(names[i], strlen(names[i]), &file));
    assert_true(web_files_find("index.html and more", strlen(WEB_FILES_INDEX), &file));
}

static void test_a_tag_tells_contents_apart(void **state)
{
    (void)state;
    const WebFile one = {.data = "one", .length = 3};
    const WebFile same = {.data = "ones", .length = 3};
    const WebFile other = {.data = "ona", .length = 3};
    char tag[WEB_FILE_TAG_SIZE];
    char again[WEB_FILE_TAG_SIZE];
    assert_string_equal(web_file_tag(&one, tag), web_file_tag(&same, again));
    assert_string_not_equal(tag, web_file_tag(&other, again));
    assert_int_equal(WEB_FILE_TAG_SIZE - 1, strlen(tag));
    assert_true(tag[0] == '"' && tag[17] == '"' && strspn(tag + 1, "0123456789abcdef") == 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_of_the_folder_is_embedded_whole),
        cmocka_unit_test(test_other_names_are_not_found),
        cmocka_unit_test(test_a_tag_tells_contents_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
