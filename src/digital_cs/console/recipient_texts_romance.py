"""What recipients read, in French, Spanish, Italian and Portuguese."""

from __future__ import annotations

from digital_cs.console.recipient_words import Words

_FRENCH = Words(
    language="fr",
    by=" de {sender}",
    day="{day} {month} {year}",
    months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
            "octobre", "novembre", "décembre"),
    ask_title="Se désabonner ?",
    ask="Un clic, et vous ne recevrez plus ces e-mails{by}.",
    unsubscribe="Se désabonner",
    choose_instead="Ou choisir ce que vous recevez",
    out_title="Vous êtes désabonné(e)",
    out="Vous ne recevrez plus ces e-mails{by}. Il n’y a rien d’autre à faire ; vous pouvez fermer"
    " cette page.",
    out_late="Un message déjà en route peut encore arriver.",
    out_mistake="C’était une erreur ? Annuler ici",
    unknown_title="Ce lien ne fonctionne pas",
    unknown="Il a peut-être été coupé dans l’e-mail, ou il est très ancien. Ouvrez-le de nouveau"
    " depuis l’e-mail, ou copiez-le en entier.",
    unknown_help="Si cela ne suffit pas, répondez à l’e-mail avec le mot « désabonner », et une"
    " personne le fera pour vous.",
    later_title="Veuillez réessayer dans une minute",
    later_unsubscribe="Un redémarrage est en cours chez nous, et vous n’êtes pas encore"
    " désabonné(e). Veuillez nous excuser et appuyer de nouveau sur le bouton dans une minute.",
    later="Un redémarrage est en cours chez nous, et rien n’a été modifié. Veuillez nous excuser et"
    " réessayer dans une minute.",
    again="Réessayer",
    title="Choisir ce que vous recevez",
    intro="Voici les types d’e-mails{by}. Vous pouvez changer votre choix à tout moment.",
    topics="Ce que vous voulez lire",
    amount="À quelle fréquence",
    fewer="Moins d’e-mails",
    fewer_about="De temps en temps seulement, et uniquement l’essentiel.",
    save="Enregistrer",
    pause_title="Une pause",
    pause_about="Aucun e-mail pendant 30 jours. Ensuite, ils reprennent selon votre choix.",
    pause="Pause de 30 jours",
    paused="Vous êtes en pause : aucun e-mail jusqu’au {date}.",
    resume="Terminer la pause",
    off_title="Plus rien du tout",
    off_about="Vous ne recevrez plus que ce qui est nécessaire pour utiliser le produit, comme les"
    " avis concernant votre compte.",
    off="Se désabonner de tout",
    is_off="Vous êtes désabonné(e) et ne recevez aucun de ces e-mails{by}.",
    on="Recevoir de nouveau les e-mails",
    elsewhere="Pour une autre raison, rien n’est envoyé à votre adresse en ce moment : des e-mails"
    " sont peut-être revenus. Si cela vous étonne, demandez à votre interlocuteur chez nous.",
    notices={
        "saved": "Votre choix est enregistré.",
        "paused": "Votre pause a commencé.",
        "resumed": "La pause est terminée.",
        "off": "Vous êtes désabonné(e).",
        "on": "Vous revoilà. Vous recevez de nouveau les e-mails.",
    },
    known_topics={
        "newsletter": (
            "Lettre d’information",
            "Ce qui est nouveau et mérite d’être lu, une fois par mois.",
        ),
        "events": ("Événements", "Invitations à des séances où vous pouvez tout nous demander."),
        "tips": ("Conseils", "Tirer davantage de ce que vous avez, au bon moment."),
        "product": ("Actualités du produit", "Changements des fonctions que vous utilisez."),
    },
)  # fmt: skip

_SPANISH = Words(
    language="es",
    by=" de {sender}",
    day="{day} de {month} de {year}",
    months=("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre",
            "octubre", "noviembre", "diciembre"),
    ask_title="¿Darse de baja?",
    ask="Un clic y ya no recibirá estos correos{by}.",
    unsubscribe="Darse de baja",
    choose_instead="O elegir lo que recibe",
    out_title="Se ha dado de baja",
    out="Ya no recibirá estos correos{by}. No hay que hacer nada más; puede cerrar esta página.",
    out_late="Un mensaje que ya estaba en camino puede llegar todavía.",
    out_mistake="¿Ha sido un error? Deshágalo aquí",
    unknown_title="Este enlace no funciona",
    unknown="Puede que se haya cortado en el correo o que sea muy antiguo. Ábralo de nuevo desde el"
    " correo o cópielo entero.",
    unknown_help="Si no sirve, responda al correo con la palabra «baja» y una persona lo hará por"
    " usted.",
    later_title="Inténtelo de nuevo en un minuto",
    later_unsubscribe="Algo se está reiniciando por nuestra parte y todavía no está dado de baja."
    " Lo sentimos. Pulse el botón otra vez en un minuto.",
    later="Algo se está reiniciando por nuestra parte y no se ha cambiado nada. Lo sentimos."
    " Inténtelo de nuevo en un minuto.",
    again="Intentar de nuevo",
    title="Elija lo que recibe",
    intro="Estos son los tipos de correos{by}. Puede cambiar su elección cuando quiera.",
    topics="Lo que quiere leer",
    amount="Cuánto",
    fewer="Menos correos",
    fewer_about="Solo de vez en cuando y solo lo más importante.",
    save="Guardar",
    pause_title="Una pausa",
    pause_about="Ningún correo durante 30 días. Después continúan según su elección.",
    pause="Pausa de 30 días",
    paused="Está en pausa: ningún correo hasta el {date}.",
    resume="Terminar la pausa",
    off_title="Nada en absoluto",
    off_about="Solo recibirá lo necesario para usar el producto, como los avisos sobre su cuenta.",
    off="Darse de baja de todo",
    is_off="Se ha dado de baja y no recibe ninguno de estos correos{by}.",
    on="Volver a recibir correos",
    elsewhere="Por otro motivo, ahora no se envía nada a su dirección: puede que algunos correos"
    " hayan sido devueltos. Si le extraña, pregunte a su persona de contacto con nosotros.",
    notices={
        "saved": "Su elección está guardada.",
        "paused": "Su pausa ha comenzado.",
        "resumed": "La pausa ha terminado.",
        "off": "Se ha dado de baja.",
        "on": "Nos alegra tenerle de vuelta. Vuelve a recibir correos.",
    },
    known_topics={
        "newsletter": ("Boletín", "Lo nuevo que merece la pena leer, una vez al mes."),
        "events": ("Eventos", "Invitaciones a sesiones en las que puede preguntarnos de todo."),
        "tips": ("Consejos", "Sacar más partido a lo que tiene, cuando convenga."),
        "product": ("Avisos del producto", "Cambios en las funciones que usa."),
    },
)  # fmt: skip

_ITALIAN = Words(
    language="it",
    by=" di {sender}",
    day="{day} {month} {year}",
    months=("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
            "settembre", "ottobre", "novembre", "dicembre"),
    ask_title="Annullare l’iscrizione?",
    ask="Un clic e non riceverà più queste e-mail{by}.",
    unsubscribe="Annulla l’iscrizione",
    choose_instead="Oppure scelga che cosa ricevere",
    out_title="Iscrizione annullata",
    out="Non riceverà più queste e-mail{by}. Non deve fare altro; può chiudere questa pagina.",
    out_late="Un messaggio già in viaggio può ancora arrivare.",
    out_mistake="È stato un errore? Lo annulli qui",
    unknown_title="Questo link non funziona",
    unknown="Forse è stato troncato nell’e-mail o è molto vecchio. Lo apra di nuovo dall’e-mail"
    " oppure lo copi per intero.",
    unknown_help="Se non basta, risponda all’e-mail con la parola «annulla» e una persona lo farà"
    " per Lei.",
    later_title="Riprovi tra un minuto",
    later_unsubscribe="Da noi qualcosa si sta riavviando e la Sua iscrizione non è ancora"
    " annullata. Ci scusiamo. Prema di nuovo il pulsante tra un minuto.",
    later="Da noi qualcosa si sta riavviando e nulla è stato modificato. Ci scusiamo. Riprovi tra"
    " un minuto.",
    again="Riprova",
    title="Scelga che cosa ricevere",
    intro="Questi sono i tipi di e-mail{by}. Può cambiare la Sua scelta in qualsiasi momento.",
    topics="Che cosa vuole leggere",
    amount="Quanto",
    fewer="Meno e-mail",
    fewer_about="Solo ogni tanto e solo ciò che conta di più.",
    save="Salva",
    pause_title="Una pausa",
    pause_about="Nessuna e-mail per 30 giorni. Poi riprendono secondo la Sua scelta.",
    pause="Pausa di 30 giorni",
    paused="È in pausa: nessuna e-mail fino al {date}.",
    resume="Termina la pausa",
    off_title="Proprio niente",
    off_about="Riceverà solo ciò che serve per usare il prodotto, come gli avvisi sul Suo account.",
    off="Annulla tutte le iscrizioni",
    is_off="L’iscrizione è annullata e non riceve nessuna di queste e-mail{by}.",
    on="Ricevi di nuovo le e-mail",
    elsewhere="Per un altro motivo ora non viene inviato nulla al Suo indirizzo: forse alcune"
    " e-mail sono tornate indietro. Se La sorprende, chieda alla Sua persona di contatto da noi.",
    notices={
        "saved": "La Sua scelta è salvata.",
        "paused": "La Sua pausa è iniziata.",
        "resumed": "La pausa è terminata.",
        "off": "L’iscrizione è annullata.",
        "on": "Felici di ritrovarLa. Riceve di nuovo le e-mail.",
    },
    known_topics={
        "newsletter": ("Newsletter", "Le novità che vale la pena leggere, una volta al mese."),
        "events": ("Eventi", "Inviti a incontri in cui può chiederci tutto."),
        "tips": ("Consigli", "Ottenere di più da ciò che ha, al momento giusto."),
        "product": ("Avvisi sul prodotto", "Modifiche alle funzioni che usa."),
    },
)  # fmt: skip

_PORTUGUESE = Words(
    language="pt",
    by=" de {sender}",
    day="{day} de {month} de {year}",
    months=("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto",
            "setembro", "outubro", "novembro", "dezembro"),
    ask_title="Cancelar a inscrição?",
    ask="Um clique e não receberá mais estes e-mails{by}.",
    unsubscribe="Cancelar a inscrição",
    choose_instead="Ou escolher o que recebe",
    out_title="Inscrição cancelada",
    out="Não receberá mais estes e-mails{by}. Não é preciso fazer mais nada; pode fechar esta"
    " página.",
    out_late="Uma mensagem que já estava a caminho ainda pode chegar.",
    out_mistake="Foi engano? Desfaça aqui",
    unknown_title="Este link não funciona",
    unknown="Talvez tenha sido cortado no e-mail ou seja muito antigo. Abra-o de novo a partir do"
    " e-mail ou copie-o por inteiro.",
    unknown_help="Se não resolver, responda ao e-mail com a palavra “cancelar”, e uma pessoa"
    " tratará disso.",
    later_title="Tente de novo daqui a um minuto",
    later_unsubscribe="Algo está a reiniciar do nosso lado e a inscrição ainda não foi cancelada."
    " Pedimos desculpa. Carregue de novo no botão daqui a um minuto.",
    later="Algo está a reiniciar do nosso lado e nada foi alterado. Pedimos desculpa. Tente de novo"
    " daqui a um minuto.",
    again="Tentar de novo",
    title="Escolha o que recebe",
    intro="Estes são os tipos de e-mails{by}. Pode mudar a sua escolha a qualquer momento.",
    topics="O que quer ler",
    amount="Quanto",
    fewer="Menos e-mails",
    fewer_about="Só de vez em quando, e só o mais importante.",
    save="Guardar",
    pause_title="Uma pausa",
    pause_about="Nenhum e-mail durante 30 dias. Depois continuam conforme a sua escolha.",
    pause="Pausa de 30 dias",
    paused="Está em pausa: nenhum e-mail até {date}.",
    resume="Terminar a pausa",
    off_title="Nada mesmo",
    off_about="Só receberá o que é necessário para usar o produto, como avisos sobre a sua conta.",
    off="Cancelar tudo",
    is_off="A inscrição está cancelada e não recebe nenhum destes e-mails{by}.",
    on="Voltar a receber e-mails",
    elsewhere="Por outro motivo, neste momento nada é enviado para o seu endereço: talvez alguns"
    " e-mails tenham sido devolvidos. Se isso o surpreende, fale com a sua pessoa de contacto.",
    notices={
        "saved": "A sua escolha está guardada.",
        "paused": "A sua pausa começou.",
        "resumed": "A pausa terminou.",
        "off": "Inscrição cancelada.",
        "on": "Bom regresso! Volta a receber e-mails.",
    },
    known_topics={
        "newsletter": ("Boletim", "O que há de novo e vale a pena ler, uma vez por mês."),
        "events": ("Eventos", "Convites para sessões em que nos pode perguntar tudo."),
        "tips": ("Dicas", "Tirar mais partido do que tem, quando fizer sentido."),
        "product": ("Avisos do produto", "Alterações às funções que usa."),
    },
)  # fmt: skip

ROMANCE = (_FRENCH, _SPANISH, _ITALIAN, _PORTUGUESE)
