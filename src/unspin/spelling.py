"""British and American spelling: restored words follow the document's own."""

from __future__ import annotations

import re
from collections.abc import Iterable

# American → British, where a suffix rule would be wrong as often as right.
_PAIRS = dict(
    pair.split("=")
    for pair in """
    color=colour colors=colours colored=coloured coloring=colouring colorful=colourful favor=favour favors=favours
    favored=favoured favorite=favourite favorites=favourites favorable=favourable honor=honour honors=honours
    honored=honoured labor=labour labors=labours labored=laboured neighbor=neighbour neighbors=neighbours
    neighborhood=neighbourhood neighborhoods=neighbourhoods behavior=behaviour behaviors=behaviours
    behavioral=behavioural harbor=harbour harbors=harbours humor=humour rumor=rumour rumors=rumours flavor=flavour
    flavors=flavours flavored=flavoured endeavor=endeavour endeavors=endeavours vigor=vigour odor=odour
    center=centre centers=centres centered=centred theater=theatre theaters=theatres meter=metre meters=metres
    liter=litre liters=litres fiber=fibre fibers=fibres caliber=calibre
    defense=defence defenses=defences offense=offence offenses=offences license=licence licenses=licences
    catalog=catalogue catalogs=catalogues dialog=dialogue dialogs=dialogues analog=analogue program=programme
    programs=programmes traveled=travelled traveling=travelling traveler=traveller travelers=travellers
    canceled=cancelled canceling=cancelling labeled=labelled labeling=labelling modeled=modelled modeling=modelling
    fueled=fuelled fueling=fuelling signaled=signalled signaling=signalling jewelry=jewellery gray=grey tire=tyre
    tires=tyres plow=plough skeptical=sceptical skepticism=scepticism aging=ageing fulfill=fulfil fulfills=fulfils
    enroll=enrol enrolls=enrols enrollment=enrolment skillful=skilful installment=instalment installments=instalments
    analyze=analyse analyzes=analyses analyzed=analysed analyzing=analysing paralyze=paralyse mom=mum moms=mums
    organize=organise organizes=organises organized=organised organizing=organising organization=organisation
    organizations=organisations realize=realise realizes=realises realized=realised realizing=realising
    recognize=recognise recognizes=recognises recognized=recognised recognizing=recognising emphasize=emphasise
    emphasizes=emphasises emphasized=emphasised minimize=minimise minimized=minimised maximize=maximise
    maximized=maximised optimize=optimise optimized=optimised apologize=apologise apologized=apologised
    criticize=criticise criticized=criticised prioritize=prioritise prioritized=prioritised summarize=summarise
    utilize=utilise utilized=utilised specialize=specialise specialized=specialised finalize=finalise
    finalized=finalised authorize=authorise authorized=authorised symbolize=symbolise stabilize=stabilise
    """.split()
)
_BRITISH = {b: a for a, b in _PAIRS.items()}
# Forms that are no sign of a country: both write them in some sense.
_UNSURE = frozenset(
    "program programs programme programmes license licenses licence licences meter meters tire tires dialog dialogue "
    "dialogs dialogues analog analogue catalog catalogue".split()
)
_WORD = re.compile(r"[a-z]+")
_SIGNS_BRITISH = frozenset(_BRITISH) - _UNSURE
_SIGNS_AMERICAN = frozenset(_PAIRS) - _UNSURE
#: All words by which `country` tells.
SIGNS = _SIGNS_BRITISH | _SIGNS_AMERICAN


def country(words: Iterable[str]) -> str:
    """Return "british", "american" or "" by the spellings among lower-case *words*.

    >>> country(["the", "colour", "centre"]), country(["plain"])
    ('british', '')
    """
    seen = set(words)
    british, american = len(seen & _SIGNS_BRITISH), len(seen & _SIGNS_AMERICAN)
    return "british" if british > american else "american" if american > british else ""


def respell(text: str, spelling: str) -> str:
    """Return lower-case *text* in the spelling of a country ("" leaves it).

    >>> respell("favorite color", "british")
    'favourite colour'
    """
    table = {"british": _PAIRS, "american": _BRITISH}.get(spelling)
    if not table:
        return text
    return _WORD.sub(lambda m: table.get(m[0], m[0]), text)
