# Writes OUTPUT: the schemas of migrations and of their tests as lines of C, each an array of texts:
#     static const char *const migration_schema[] = {"…\n", … NULL};
# `redferry new` puts them beside what it writes.
set(text "")
foreach(name migration migration-test)
    file(READ ${SOURCE}/${name}.schema.json content)
    string(REPLACE "-" "_" variable ${name}_schema)
    string(REGEX REPLACE "\n$" "" content "${content}")
    string(REPLACE "\\" "\\\\" content "${content}")
    string(REPLACE "\"" "\\\"" content "${content}")
    string(REPLACE "\n" "\\n\",\n    \"" content "${content}")
    string(APPEND text "static const char *const ${variable}[] = {\n    \"${content}\\n\",\n    NULL};\n")
endforeach()
file(WRITE ${OUTPUT} "${text}")
