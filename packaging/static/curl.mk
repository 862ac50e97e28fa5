# libcurl.a from curl's sources and the committed curl_config.h; its configure takes four times as long as its compiler.
# CURL: the source tree, HERE: this directory.
SRCS := $(sort $(wildcard $(addprefix $(CURL)/lib/,*.c vauth/*.c vtls/*.c vssh/*.c vquic/*.c)))
OBJS := $(SRCS:$(CURL)/lib/%.c=$(OUT)/%.o)
$(LIB): $(OBJS)
	@rm -f $@
	$(AR) rcsD $@ $^
$(OUT)/%.o: $(CURL)/lib/%.c $(HERE)/curl_config.h
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -DHAVE_CONFIG_H -DBUILDING_LIBCURL -DCURL_STATICLIB -I$(HERE) -I$(CURL)/include -I$(CURL)/lib -c -o $@ $<
