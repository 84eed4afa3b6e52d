# Varnish with its built-in rules only. Started with:
#   -s malloc,SIZE       what the users guide advises for a cache that fits in memory; so its misses write no file
#   -p timeout_idle=120  keep-alive as long as the others give it (default 5 s)
#   -p first_byte_timeout, between_bytes_timeout: the defaults of 60 s
#   thread pools         defaults (2 pools of at least 100 threads)
# Names between at-signs are filled in by the driver.
vcl 4.1;

backend default {
    .host = "127.0.0.1";
    .port = "@ORIGIN_PORT@";
}
