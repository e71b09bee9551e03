# SPDX-License-Identifier: Apache-2.0
# bash completion for mqk

_mqk() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'check explain match envelopes reference convert spool help --help --version' -- "$cur")
        return
    fi
    case $prev in
    --hook)
        words='client.connect client.connack client.connected client.disconnected
            client.authenticate client.authorize client.check_authz_complete client.subscribe
            client.unsubscribe session.created session.subscribed session.unsubscribed
            session.resumed session.discarded session.takenover session.terminated
            message.publish message.delivered message.acked message.dropped'
        ;;
    --format) words='hocon conf erlang' ;;
    --plugin) words='emqttd emq2 emqx4' ;;
    --qos) words='0 1 2' ;;
    --topic | --payload | --clientid | --username | --user-property | --field | --event | --rule | \
        --older-than | --limit) return ;;
    *)
        if [[ $cur == -* ]]; then
            case ${COMP_WORDS[1]} in
            check) words='--json --help' ;;
            explain)
                words='--event --event-file --hook --topic --payload --payload-file --clientid
                    --username --qos --retain --user-property --field --record --record-file --node --json --help'
                ;;
            match) words='--help' ;;
            envelopes) words='--json --help' ;;
            reference) words='--json --markdown --man --help' ;;
            convert) words='--format --plugin --help' ;;
            spool) words='--topic --rule --older-than --limit --json --yes --help' ;;
            esac
        else
            case ${COMP_WORDS[1]} in
            help) words='check explain match envelopes reference convert spool' ;;
            spool) ((COMP_CWORD == 2)) && words='info list export purge' ;;
            envelopes) words=$(mqk envelopes 2>/dev/null | sed -n 's/^\([a-z0-9_]*\): .*/\1/p') ;;
            reference)
                words=$(mqk reference 2>/dev/null |
                    sed -n 's/^kafka[^ ]*\.\([a-z_]*\)  .*/\1/p; s/^\([a-z]*\.[a-z_]*\)  .*/\1/p')
                ;;
            match) return ;;
            esac
        fi
        ;;
    esac
    if [[ -n $words ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    fi
}
complete -F _mqk mqk
