"""What recipients read, in English, German and Dutch; with the other languages, all there is."""

from __future__ import annotations

from digital_cs.console.recipient_texts_romance import ROMANCE
from digital_cs.console.recipient_words import Words, unbroken

_ENGLISH = Words(
    language="en",
    by=" from {sender}",
    day="{day} {month} {year}",
    months=("January", "February", "March", "April", "May", "June", "July", "August",
            "September", "October", "November", "December"),
    ask_title="Unsubscribe?",
    ask="One click, and you will get no more of these e-mails{by}.",
    unsubscribe="Unsubscribe",
    choose_instead="Or choose what you get",
    out_title="You are unsubscribed",
    out="You will get no more of these e-mails{by}. There is nothing else to do; you can close this"
    " page.",
    out_late="A message that was already on its way may still arrive.",
    out_mistake="Was it a mistake? Take it back here",
    unknown_title="This link does not work",
    unknown="It may have been cut off in the e-mail, or is very old. Please open the link again"
    " from the e-mail itself, or copy all of it.",
    unknown_help="If that does not help, reply to the e-mail with the word “unsubscribe”, and a"
    " person will do it for you.",
    later_title="Please try again in a minute",
    later_unsubscribe="Something on our side is being restarted, and you are not unsubscribed yet."
    " We are sorry. Please press the button again in a minute.",
    later="Something on our side is being restarted, and nothing has been changed. We are sorry."
    " Please try again in a minute.",
    again="Try again",
    title="Choose what you get",
    intro="These are the kinds of e-mails{by}. You can change your choice at any time.",
    topics="What you want to read",
    amount="How much",
    fewer="Fewer e-mails",
    fewer_about="Only now and then, and only what matters most.",
    save="Save",
    pause_title="A break",
    pause_about="No e-mails for 30 days. After that they go on as you have chosen.",
    pause="Pause for 30 days",
    paused="You have paused: no e-mails until {date}.",
    resume="End the pause",
    off_title="Nothing at all",
    off_about="Only what you need in order to use the product will still come, such as notices"
    " about your account.",
    off="Unsubscribe from all",
    is_off="You are unsubscribed and get none of these e-mails{by}.",
    on="Get e-mails again",
    elsewhere="At the moment nothing is sent to your address, for another reason: e-mails to it"
    " may have come back. If that surprises you, please ask your contact at our company.",
    notices={
        "saved": "Your choice is saved.",
        "paused": "Your pause has begun.",
        "resumed": "The pause is over.",
        "off": "You are unsubscribed.",
        "on": "Welcome back. You get e-mails again.",
    },
)  # fmt: skip

_GERMAN = Words(
    language="de",
    by=" von {sender}",
    day="{day}. {month} {year}",
    months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
            "Oktober", "November", "Dezember"),
    ask_title="Abmelden?",
    ask="Ein Klick, und Sie bekommen diese E-Mails{by} nicht mehr.",
    unsubscribe="Abmelden",
    choose_instead="Oder auswählen, was Sie bekommen",
    out_title="Sie sind abgemeldet",
    out="Sie bekommen diese E-Mails{by} nicht mehr. Sonst ist nichts zu tun; Sie können diese Seite"
    " schließen.",
    out_late="Eine Nachricht, die schon unterwegs war, kann noch ankommen.",
    out_mistake="War es ein Versehen? Hier rückgängig machen",
    unknown_title="Dieser Link funktioniert nicht",
    unknown="Vielleicht wurde er in der E-Mail abgeschnitten oder ist sehr alt. Bitte öffnen Sie"
    " ihn noch einmal aus der E-Mail, oder kopieren Sie ihn ganz.",
    unknown_help="Wenn das nicht hilft, antworten Sie auf die E-Mail mit dem Wort „abmelden“; dann"
    " erledigt es ein Mensch für Sie.",
    later_title="Bitte versuchen Sie es in einer Minute noch einmal",
    later_unsubscribe="Bei uns wird gerade etwas neu gestartet, und Sie sind noch nicht abgemeldet."
    " Das tut uns leid. Bitte drücken Sie in einer Minute noch einmal auf den Knopf.",
    later="Bei uns wird gerade etwas neu gestartet, und es wurde nichts geändert. Das tut uns leid."
    " Bitte versuchen Sie es in einer Minute noch einmal.",
    again="Noch einmal versuchen",
    title="Auswählen, was Sie bekommen",
    intro="Diese E-Mails{by} gibt es. Sie können Ihre Auswahl jederzeit ändern.",
    topics="Was Sie lesen möchten",
    amount="Wie viel",
    fewer="Weniger E-Mails",
    fewer_about="Nur ab und zu, und nur das Wichtigste.",
    save="Speichern",
    pause_title="Eine Pause",
    pause_about="30 Tage lang keine E-Mails. Danach geht es weiter, wie Sie es gewählt haben.",
    pause="30 Tage Pause",
    paused="Sie haben eine Pause eingelegt: keine E-Mails bis {date}.",
    resume="Pause beenden",
    off_title="Gar nichts",
    off_about="Dann kommt nur noch, was Sie für die Nutzung des Produkts brauchen, etwa Hinweise zu"
    " Ihrem Konto.",
    off="Von allem abmelden",
    is_off="Sie sind abgemeldet und bekommen keine dieser E-Mails{by}.",
    on="Wieder E-Mails bekommen",
    elsewhere="Zurzeit wird aus einem anderen Grund nichts an Ihre Adresse geschickt: vielleicht"
    " kamen E-Mails zurück. Wenn Sie das wundert, fragen Sie bitte Ihre Ansprechperson bei uns.",
    notices={
        "saved": "Ihre Auswahl ist gespeichert.",
        "paused": "Ihre Pause hat begonnen.",
        "resumed": "Die Pause ist zu Ende.",
        "off": "Sie sind abgemeldet.",
        "on": "Willkommen zurück. Sie bekommen wieder E-Mails.",
    },
    known_topics={
        "newsletter": ("Newsletter", "Was neu und lesenswert ist, einmal im Monat."),
        "events": (
            "Veranstaltungen",
            "Einladungen zu Terminen, bei denen Sie uns alles fragen können.",
        ),
        "tips": ("Tipps", "Mehr aus dem machen, was Sie haben, wenn es gerade passt."),
        "product": ("Produktmeldungen", "Änderungen an Funktionen, die Sie nutzen."),
    },
)  # fmt: skip

_DUTCH = Words(
    language="nl",
    by=" van {sender}",
    day="{day} {month} {year}",
    months=("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus",
            "september", "oktober", "november", "december"),
    ask_title="Afmelden?",
    ask="Eén klik en u krijgt deze e-mails{by} niet meer.",
    unsubscribe="Afmelden",
    choose_instead="Of kies wat u krijgt",
    out_title="U bent afgemeld",
    out="U krijgt deze e-mails{by} niet meer. Verder hoeft u niets te doen; u kunt deze pagina"
    " sluiten.",
    out_late="Een bericht dat al onderweg was, kan nog aankomen.",
    out_mistake="Was het een vergissing? Maak het hier ongedaan",
    unknown_title="Deze link werkt niet",
    unknown="Misschien is hij in de e-mail afgebroken, of is hij heel oud. Open de link opnieuw"
    " vanuit de e-mail, of kopieer hem helemaal.",
    unknown_help="Helpt dat niet, beantwoord dan de e-mail met het woord ‘afmelden’; iemand regelt"
    " het dan voor u.",
    later_title="Probeer het over een minuut opnieuw",
    later_unsubscribe="Bij ons wordt iets opnieuw gestart en u bent nog niet afgemeld. Onze"
    " excuses. Druk over een minuut nog eens op de knop.",
    later="Bij ons wordt iets opnieuw gestart en er is niets gewijzigd. Onze excuses. Probeer het"
    " over een minuut opnieuw.",
    again="Opnieuw proberen",
    title="Kies wat u krijgt",
    intro="Dit zijn de soorten e-mails{by}. U kunt uw keuze altijd wijzigen.",
    topics="Wat u wilt lezen",
    amount="Hoeveel",
    fewer="Minder e-mails",
    fewer_about="Alleen af en toe, en alleen het belangrijkste.",
    save="Opslaan",
    pause_title="Een pauze",
    pause_about="30 dagen geen e-mails. Daarna gaat het verder zoals u hebt gekozen.",
    pause="30 dagen pauze",
    paused="U hebt een pauze: geen e-mails tot {date}.",
    resume="Pauze beëindigen",
    off_title="Helemaal niets",
    off_about="Dan komt alleen nog wat u nodig hebt om het product te gebruiken, zoals berichten"
    " over uw account.",
    off="Voor alles afmelden",
    is_off="U bent afgemeld en krijgt geen van deze e-mails{by}.",
    on="Weer e-mails krijgen",
    elsewhere="Op dit moment wordt om een andere reden niets naar uw adres gestuurd: misschien"
    " kwamen e-mails terug. Verbaast u dat, vraag het dan aan uw contactpersoon bij ons.",
    notices={
        "saved": "Uw keuze is opgeslagen.",
        "paused": "Uw pauze is begonnen.",
        "resumed": "De pauze is voorbij.",
        "off": "U bent afgemeld.",
        "on": "Welkom terug. U krijgt weer e-mails.",
    },
    known_topics={
        "newsletter": ("Nieuwsbrief", "Wat nieuw en lezenswaardig is, één keer per maand."),
        "events": ("Evenementen", "Uitnodigingen voor sessies waarin u ons alles kunt vragen."),
        "tips": ("Tips", "Meer halen uit wat u hebt, wanneer het uitkomt."),
        "product": ("Productberichten", "Wijzigingen in functies die u gebruikt."),
    },
)  # fmt: skip

WORDS = {each.language: unbroken(each) for each in (_ENGLISH, _GERMAN, _DUTCH, *ROMANCE)}
"""The words by language."""
