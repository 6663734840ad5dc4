from itertools import pairwise

import pytest
from fakes import NEWS_TEXTS
from hypothesis import given

from assistant.sentences import find_blocks, find_sentences, split_sentences

# Each is a paragraph: its sentences, one space apart.
PARAGRAPHS = [
    ["U.S. President Ana Ruiz landed in Oslo on Monday.", "She met the king."],
    ["The bill was written by Sen. Smith and Rep. Jones.", "It failed."],
    ["Mr. Trump called Mrs. Clinton before Ms. Warren did.", "Dr. Fauci listened."],
    ["The flood reached St. Louis on Sunday.", "St. Petersburg stayed dry."],
    ["She lives at No. 10 Downing Street.", "Her dog does not."],
    ["Gov. Newsom, Lt. Gov. Kounalakis and Atty. Gen. Bonta signed the letter.", "Nobody answered."],
    ["Gen. Mark Milley and Col. John Boyd testified.", "Sgt. Hill did not."],
    ["Prof. Adams of St. John's College disagreed.", "Rev. Martin King Jr. agreed."],
    ["Robert Downey Jr. won the prize.", "Sammy Davis Jr. never did."],
    ["The company hired Harold Finch Sr. as an adviser.", "It later fired him."],
    ["J. K. Rowling and J.R.R. Tolkien sold millions of books.", "George R. R. Martin is still writing."],
    ["John F. Kennedy beat Richard M. Nixon.", "Lyndon B. Johnson followed."],
    ["A spokesman for Samuel L. Jackson declined to comment.", "So did W. E. B. Griffin."],
    ["Capt. Lee told Lt. Moss to wait.", "They waited for Maj. Reed."],
    ["Sens. Warner and Rubio led the panel.", "Reps. Nadler and Raskin spoke."],
    ["The Rt. Hon. Jane Marsh opened the debate.", "It lasted an hour."],
    ["Ald. Brown and Supt. Green met the press.", "Det. Ray stayed away."],
    ["Amb. Nikki Vale and Pres. Zelensky shook hands.", "Cmdr. Ott watched."],
    ["Messrs. Gray and White resigned.", "Their lawyer, Mr. Black, said little."],
    ["Pope John XXIII. was not there, said Fr. Martin.", "He was wrong."],
    ["The Hon. Judge Ruth Kim presided.", "Asst. Dist. Atty. Lee argued."],
    ["He returned to the U.S.", "The embassy closed the next day."],
    ["Exports to the U.S. fell by 4 percent.", "Imports rose."],
    ["The U.S. Senate and the U.S. Supreme Court disagree.", "The U.S. Army is silent."],
    ["He moved from the U.K. to the U.S. in March.", "He regrets it."],
    ["They left the U.N.", "In June they came back."],
    ["The U.S. Navy sent two ships.", "They arrived in Washington, D.C. on Friday."],
    ["She was born in Washington, D.C.", "He was born in Boston, Mass., and raised in Fla."],
    ["Apple Inc. and Alphabet Inc. reported earnings.", "Amazon.com Inc. did so later."],
    ["Tesla Inc. shares rose 3.5%.", "Ford Motor Co. lost 2.1%."],
    ["He works for Smith & Co. and lives nearby.", "His wife works for Barnes Ltd. in Leeds."],
    ["Shares of Acme Corp. fell.", "Bolt Corp. said it would sue."],
    ["The deal was signed by Yahoo! executives in May.", "It was later cancelled."],
    ["Nvidia Corp.'s profit doubled.", "Intel Corp. lost money."],
    ["The U.S.-led coalition struck again.", "The U.S.'s allies kept quiet."],
    ["The report covers the U.S., Canada and Mexico.", "It omits Cuba."],
    ["U.S. District Judge Amy Cole blocked the order.", "U.S. Rep. Tom Hill cheered."],
    ["U.S. Secretary of State Blinken flew to Tel Aviv.", "U.S. officials said the talks went well."],
    ["Police in Washington D.C. arrested two men.", "Both deny it."],
    ["The call began at 9 a.m. on Saturday.", "It ended at 11:30 a.m. London time."],
    ["At 5 p.m. Eastern time the market closed.", "At 6 p.m. ET it rallied."],
    ["He was born on Jan. 5, 1960, and died on Dec. 3, 2001.", "He left no will."],
    ["The trial starts on Sept. 12.", "It may last until Nov. 30."],
    ["The vote is set for Tues. Oct. 3 in Paris.", "Nobody will come."],
    ["Caesar died in 44 B.C. in Rome.", "Augustus died in A.D. 14."],
    ["The 6 a.m. train was late.", "The 7 a.m. was cancelled."],
    ["On Feb. 24 Russia invaded.", "By Aug. the front had frozen."],
    ["The market closes at 4 p.m. ET.", "Trading resumes at 9:30 a.m. ET on Monday."],
    ["Inflation fell to 3.2 percent from 9.1.", "Prices rose 0.4% in May."],
    ["The company raised $2.7 million at a $1.5bn valuation.", "It has 3.5 million users."],
    ["Version 2.0 ships today.", "Version 2.1.3 follows."],
    ["He finished in 9.58 seconds.", "The old record was 9.69."],
    ["About .5 percent of the votes were spoiled.", "That is a lot."],
    ["They won 3-2.", "2023 was a good year."],
    ["Profits rose in 2022.", "50 people lost their jobs."],
    ["The motion passed by 51 votes to 49.", "100 members were present."],
    ["See Fig. 3 and Sec. 4.2 of the report.", "Vol. 2 has more."],
    ["Chanel No. 5 is sold out.", "Item no. 7 is not."],
    ["It cost approx. 500 dollars.", "The mayor paid max. 20."],
    ["The phone has a 6.1-in. screen.", "It weighs 171 g."],
    ["Smith vs. Jones was the main fight.", "Roe v. Wade was overturned."],
    ["The temperature was -3.5 C. at dawn.", "It felt colder."],
    ["He scored on p. 14, pp. 20-22 and ch. 3.", "Read them all."],
    ["Patent Nos. 5 and 6 expired.", "Art. 5 still holds."],
    ["“We will win,” he said.", "“Nobody can stop us.”", "The crowd cheered."],
    ["“It is over.”", "She left the room."],
    ["“Is it over?” he asked.", "“Yes!” she shouted."],
    ["He said: “We go home.", "We never come back.”", "Then he left."],
    ["She called it “a painstaking study before a ceasefire can take place”.", "He agreed."],
    ["He denied the “pointless conditions”.", "They were “absurd.”", "Talks ended."],
    ["“Will you come?”", "“No.”", "“Why not?”"],
    ["“I said ‘stop.’”", "He did not listen."],
    ["“He told me ‘go home’.”", "I went home."],
    ["‘We are ready,’ said Mr. Hill.", "‘Are you?’ asked Ms. Vale."],
    ["The minister said ‘no’.", "Then she said ‘yes.’", "Reporters laughed."],
    ["“What a mess!” the mayor wrote.", "“Who did this?!”", "Nobody knew."],
    ["“You can’t be serious...” he began.", "“I am.”"],
    ["“The U.S.” was printed on the box.", "It came from China."],
    ["“We have to act now,” said Starmer, “or it will be too late.”", "Nobody moved."],
    ["He shouted “Fire!” and ran.", "Everyone followed."],
    ["Her book, “Who Am I?” sold well.", "The film “Help!” did not."],
    ["“It’s a trap.”", "“How do you know?” she asked, smiling.", "“I built it.”"],
    ["The sign read “Closed.”", "“Open” was crossed out."],
    ["“Never again”, the banners said.", "“Peace now!”, others replied."],
    ["“Wait.", "Listen to me.", "Please,” he said."],
    ["Is it “art”?", "Critics doubt it."],
    ["«Nous partons.»", "Le ministre est parti."],
    ["„Wir gehen.“", "Das sagte sie."],
    ['"We will win," he said.', '"Nobody can stop us."', "The crowd cheered."],
    ['"It is over."', "She left the room."],
    ['"Is it over?" he asked.', '"Yes!" she shouted.'],
    ['He said: "We go home.', 'We never come back."', "Then he left."],
    ['She called it "a study".', "He agreed."],
    ['"Will you come?"', '"No."', '"Why not?"'],
    ["'It is over,' said Mr. Hill.", "'Is it?' asked Ms. Vale."],
    ['"What did he say?"', 'She shrugged and said "nothing."', '"That is odd."'],
    ['They shouted "Stop!" and "Go!" at once.', "Nobody moved."],
    ['The word "U.S." appears twice.', 'The word "E.U." never does.'],
    ["It was the '90s.", "Everyone wore denim."],
    ["\"He said 'go.'\"", "I went."],
    ['"I was there."', "He paused."],
    ["He waited ... and waited ... for hours.", "Nobody came."],
    ["She hesitated… then spoke.", "It was brief."],
    ["I don't know...", "Maybe we should go."],
    ["The end is near…", "Or is it?"],
    ["“I thought... I thought you knew.”", "He did not."],
    ["We went to Paris, Rome... and then home.", "It rained."],
    ["The text [...] was removed.", "An editor (...) did it."],
    ["“We shall fight . . . and win.”", "They lost."],
    ["What now?", "Nobody knows!", "Really?!", "Yes."],
    ["Who won?", "Who lost?", "The voters."],
    ["Is that a yes?", "It isn't."],
    ["What?!", "You sold it?", "Unbelievable!!!", "I am leaving."],
    ["Wait!!", "Don't go!"],
    ["The quiz show Jeopardy! returns in May.", "Fans are glad."],
    ["Can it be stopped?", "Experts doubt it."],
    ["He left early.", "(She stayed.)", "They met again."],
    ["The plan (see p. 4) is bold.", "It may work (or not)."],
    ["He resigned (was he pushed?) on Friday.", "She took over."],
    ["The firm (formerly Acme Inc.) is bankrupt.", "Its owner fled."],
    ["Profits fell (by 3.2%).", "Costs rose."],
    ["It was late (about 11 p.m.) when he left.", "The bar was empty."],
    ["The treaty was signed in 1949.[3]", "It was renewed in 1999.[4]"],
    ["The city has 40,000 people.[note 1]", "It is old."],
    ["(With inputs from Reuters)"],
    ["(Reporting by A. Smith; editing by B. Jones)"],
    ["Bring fruit, e.g. apples, or nuts, i.e. almonds.", "Leave the rest."],
    ["Smith et al. found no effect.", "Others did."],
    ["Pens, paper, etc. were provided.", "Food was not."],
    ["They sell shoes, hats, etc.", "Prices are low."],
    ["The case of Brown v. Board of Education is famous.", "Few have read it."],
    ["Mt. Everest and Ft. Worth are far apart.", "Pt. Reyes is closer."],
    ["The office is on Pennsylvania Ave. near the park.", "It is closed on Sundays."],
    ["He holds a Ph.D. from Yale.", "She has an M.B.A. and an M.D. from Duke."],
    ["She has a Ph.D.", "Her brother is a plumber."],
    ["The dept. of health and the govt. of Chile agreed.", "It took years."],
    ["The group, a.k.a. the Hawks, lost.", "The Doves won."],
    ["The c. 1500 painting was sold.", "The buyer is unknown."],
    ["Dr. No is a film.", "Mr. Bean is a series."],
    ["The Univ. of Michigan beat Ohio St. on Saturday.", "Penn St. plays next."],
    ["She paid $5 per sq. ft. for the land.", "It was cheap."],
    ["Calif. Gov. Gavin Newsom vetoed it.", "Ariz. Gov. Katie Hobbs did not."],
    ["Speaking on N.Y. radio, he apologised.", "L.A. police were not amused."],
    ["The L.A. Times and the St. Louis Post-Dispatch reported it.", "Others followed."],
    ["He plays for D.C. United.", "She plays for A.C. Milan."],
    ["The F.B.I. said on Monday that it was looking.", "The C.I.A. did not reply."],
    ["He was questioned by the F.B.I.", "He was released a day later."],
    ["The new phone is out.", "iPhone sales fell."],
    ["He founded eBay.", "eBay went public in 1998."],
    ["Visit example.com for details.", "Write to a.smith@example.co.uk today."],
    ["The site www.example.org/index.html is down.", "It will return."],
    ["She joined Booking.com in 2019.", "Amazon.com hired her in 2021."],
    ["He codes in Node.js and ASP.NET daily.", "She prefers C."],
    ["The app, Will.i.am's idea, failed.", "He moved on."],
    [
        "Prime Minister Keir Starmer said on Friday he would host 25 leaders.",
        "“The time for talk is over,” he told the BBC.",
        "Mr. Starmer, 62, leaves for Washington, D.C., next week.",
    ],
    [
        "The U.S. and Ukraine met in Jeddah, Saudi Arabia, on March 11.",
        "A joint statement followed at about 8 p.m. local time.",
        "Moscow has not replied.",
    ],
    ["LONDON (AP) — Britain’s economy shrank 0.1% in January.", "Economists had expected growth of 0.1%."],
    [
        "WASHINGTON, March 14 (Reuters) - The U.S. Federal Reserve held rates.",
        "Its chair, Jerome H. Powell, spoke at 2:30 p.m.",
    ],
    ["The S&P 500 fell 1.4%, the Dow 1.3%.", "The Nasdaq Composite lost 2 p.c. in London."],
    [
        "Manchester United beat Arsenal 2-1 at Old Trafford.",
        "B. Fernandes scored twice.",
        "Arsenal's M. Odegaard was sent off.",
    ],
    [
        "Police arrested James T. Kirk, 34, of St. Paul, Minn., on Monday.",
        "His lawyer, E. J. Dunn, said he was innocent.",
    ],
    ["“This is not a drill,” Gov. Ige wrote.", "“Stay inside.”", "It was 8:07 a.m. on Jan. 13, 2018."],
    ["The ruling, in U.S. v. Nixon, was unanimous.", "Chief Justice Warren E. Burger wrote it."],
    ["Donald J. Trump Jr. and Hunter Biden did not meet.", "Their fathers did."],
    ["Vitamin C.", "It helps, says Dr. Oz."],
    ["He got a grade of B.", "She got an A.", "They both passed."],
    ["The answer is plan B.", "Nobody likes it."],
    ["It began in World War I.", "It ended in World War II."],
    ["Did you see it?", "I did."],
    ["So did I.", "You should have come."],
    ["My brother came with me and I.", "Then we left."],
    ["The rapper will.i.am sang.", "P!nk and Panic! at the Disco did too."],
    ["He earns 50k a yr. before tax.", "She earns more."],
    ["It rained.It poured."],
    ["The storm hit Ga. and S.C. late on Monday.", "N.C. was spared."],
    ["Acme Co. Ltd. was founded in 1901.", "It makes anvils."],
    ["Hear from Warner Bros. Discovery on Monday.", "Warner Bros. is up 3%."],
    ["Talks with Gov.-elect Moore stalled.", "They resume at noon."],
    ["Martin Luther King Jr.'s letter was read.", "People wept."],
    ["The law, Pub. L. 94-142, passed in 1975.", "Few objected."],
    # In doubt two stay together.
    ["The polls close at 8 p.m. Results come later."],
    ["It opens at 7 a.m. Tickets cost $5."],
    ["Sanctions were imposed by the E.U. and the U.S. Russia retaliated."],
]

WRAPPED = """\
The harbour of the small town was closed on Monday after a storm had
torn two ferries from their moorings. Nobody was hurt, said Capt.
Lena Moss, who leads the coast guard there. She expects the first of
the ferries to sail again by Thursday morning.

What comes next
The council meets on Friday to talk about a new sea wall, which would
cost about $2.5 million and take more than three years to build. Its
members are divided:

- some of them want the wall to be finished before the next winter and
  would borrow the money;
- others would rather move the ferries to the north of the island.
"""


def sentences_of(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize("sentences", PARAGRAPHS, ids=[paragraph[0][:40] for paragraph in PARAGRAPHS])
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    assert sentences_of(" ".join(sentences)) == sentences


@pytest.mark.parametrize("sentences", PARAGRAPHS, ids=[paragraph[0][:40] for paragraph in PARAGRAPHS])
def test_one_sentence_a_line_is_found_again(sentences: list[str]) -> None:
    assert sentences_of("\n".join(sentences)) == sentences


@given(NEWS_TEXTS)
def test_every_character_but_whitespace_is_in_one_sentence(text: str) -> None:
    spans = split_sentences(text)

    assert all(text[start:end] and text[start:end] == text[start:end].strip() for start, end in spans)
    assert all(earlier.end <= later.start for earlier, later in pairwise(spans))
    assert "".join("".join(text[start:end] for start, end in spans).split()) == "".join(text.split())


def test_lines_wrapped_by_hand_are_one_paragraph() -> None:
    assert [" ".join(sentence.split()) for sentence in sentences_of(WRAPPED)] == [
        "The harbour of the small town was closed on Monday after a storm had torn two ferries from their moorings.",
        "Nobody was hurt, said Capt. Lena Moss, who leads the coast guard there.",
        "She expects the first of the ferries to sail again by Thursday morning.",
        "What comes next",
        "The council meets on Friday to talk about a new sea wall, which would cost about $2.5 million and take "
        "more than three years to build.",
        "Its members are divided:",
        "- some of them want the wall to be finished before the next winter and would borrow the money;",
        "- others would rather move the ferries to the north of the island.",
    ]


def test_lines_of_capitals_that_are_wrapped_by_hand_are_one_paragraph() -> None:
    wire = (
        "URGENT - STORM\n\nOSK, MARCH 6 (WIRE) - A STORM HAS TORN TWO FERRIES\nFROM THEIR MOORINGS ON MONDAY, "
        "THE HARBOUR SAID. IT\nWILL STAY CLOSED."
    )
    table = "FINAL TABLE\n\nOSK ROVERS 12 POINTS\nFENN 11 POINTS\nTARN UNITED 9 POINTS"

    assert [" ".join(sentence.split()) for sentence in sentences_of(wire)] == [
        "URGENT - STORM",
        "OSK, MARCH 6 (WIRE) - A STORM HAS TORN TWO FERRIES FROM THEIR MOORINGS ON MONDAY, THE HARBOUR SAID.",
        "IT WILL STAY CLOSED.",
    ]
    assert sentences_of(table) == [line for line in table.split("\n") if line]


def test_wrapped_lines_may_end_as_on_windows() -> None:
    windows = WRAPPED.replace("\n", "\r\n")

    assert [sentence.split() for sentence in sentences_of(windows)] == [s.split() for s in sentences_of(WRAPPED)]


def test_lines_that_are_not_wrapped_are_paragraphs() -> None:
    text = "Storm closes the harbour\nBy Ann Lee\nThe harbour was closed.\n(With inputs from Reuters)"

    assert sentences_of(text) == text.split("\n")


def test_headlines_of_like_length_are_not_joined() -> None:
    text = "Storm closes the harbour of a small town for a day\nCouncil meets on Friday to talk about the sea wall"

    assert sentences_of(text) == text.split("\n")


def test_list_items_are_sentences() -> None:
    text = "Bring:\n- a map\n- a torch\n1. Walk north.\n2. Turn back."

    assert sentences_of(text) == text.split("\n")


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n", "\u00a0\u2028"])
def test_whitespace_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == ()


@given(NEWS_TEXTS)
def test_the_sentences_of_a_text_are_those_of_its_blocks(text: str) -> None:
    blocks = list(find_blocks(text))

    assert all(text[start:end] and text[start:end] == text[start:end].strip() for start, end in blocks)
    assert all(earlier.end <= later.start for earlier, later in pairwise(blocks))
    assert split_sentences(text) == tuple(sentence for block in blocks for sentence in find_sentences(text, block))
