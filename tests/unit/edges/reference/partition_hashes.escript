#!/usr/bin/env escript
%% SPDX-License-Identifier: Apache-2.0
%% Prints "number length phash2 md5" for each key of the reference table, by Erlang itself: what
%% erlang:phash2/1 makes of it and the last byte of its MD5.
main(_) ->
    [print(N) || N <- lists:seq(0, 600)].

print(N) ->
    Key = key(N),
    io:format("~b ~b ~b ~b~n", [N, byte_size(Key), erlang:phash2(Key), binary:last(erlang:md5(Key))]).

%% Every length from 0 to 300, then lengths by chance.
key(N) when N =< 300 -> bytes(N, N, <<>>);
key(N) -> bytes(N, (next(N) bsr 16) rem 1000, <<>>).

bytes(_, 0, Key) -> Key;
bytes(State, Left, Key) ->
    Next = next(State),
    bytes(Next, Left - 1, <<Key/binary, ((Next bsr 16) band 255)>>).

next(State) -> (State * 1103515245 + 12345) rem 2147483648.
