# bash completion for atomicstats(1) and atomicstatsd(8)

_atomicstats_kinds() {
    local before=''
    [[ $cur == *,* ]] && before=${cur%,*},
    mapfile -t COMPREPLY < <(compgen -P "$before" -W 'stats counters gauges sets flags progress' -- "${cur##*,}")
    compopt -o nospace
}

# Whether a word in front of the cursor is this one.
_atomicstats_has() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == "$1" ]] && return 0
    done
    return 1
}

_atomicstats() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} options=''
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W 'send get watch progress --help --version' -- "$cur")
        return
    fi
    if [[ $command == progress ]] && _atomicstats_has --; then # as the command itself would have it
        [[ $previous == -- ]] && mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        [[ $previous == -- ]] || compopt -o default
        return
    fi
    case $command in
    send) options='--type --rate --tags --udp --http --max-bytes --quiet --help' ;;
    get) options='--type --json --http --help' ;;
    watch) options='--type --interval --http --help' ;;
    progress) options='--total --lines --tags --udp --help --' ;;
    esac
    case $previous in
    --type)
        if [[ $command == send ]]; then
            mapfile -t COMPREPLY < <(compgen -W 'ms h d c g s f p' -- "$cur")
        else
            _atomicstats_kinds
        fi
        ;;
    --rate | --tags | --udp | --http | --max-bytes | --interval | --total) ;;
    *) [[ $cur == -* ]] && mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur") ;;
    esac
    return 0
}

_atomicstatsd() {
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    case $previous in
    -c | --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && compopt -o filenames ;;
    --state) mapfile -t COMPREPLY < <(compgen -d -- "$cur") && compopt -o filenames ;;
    --unix) mapfile -t COMPREPLY < <(compgen -f -- "$cur") && compopt -o filenames ;;
    --udp | --tcp | --http | --threads) ;;
    *) mapfile -t COMPREPLY < <(compgen -W '-c --config --udp --unix --tcp --http --threads --state --check-config
        --print-config --help --version' -- "$cur") ;;
    esac
    return 0
}

complete -F _atomicstats atomicstats
complete -F _atomicstatsd atomicstatsd
