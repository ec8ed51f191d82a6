"""Replies beside their references, as models write them: each row is a question, a reference, right and wrong replies."""
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

Row = tuple[str, str, list[str], list[str]]

NUMBERS: list[Row] = [
    ("What is 17 + 25?", "42",
     [r"\boxed{42}", r"\boxed42", r"The sum is \boxed 42.", r"\fbox{42}", "boxed{42}", r"$\boxed{\text{42}}$", r"\boxed{\boxed{42}}", r"\boxed{{42}}",
      r"First \boxed{40}, then \boxed{42}", "#### 42", "17 + 25 = 42", "17 + 25 is **42**.", "The answer is 42.", "Answer: 42", "**Final Answer:** $42$",
      "Final answer\n\n42", "The sum of 17 and 25 is 42.", "Let's add: 17 + 25 = 42. So the sum is 42.", "42", "`42`", "４２", "٤٢", "forty-two", "It equals forty-two.",
      "```python\nprint(17 + 25)\n```\nOutput:\n```\n42\n```"],
     ["43", r"\boxed{43}", r"\boxed{42} is what I thought first. \boxed{43}", "#### 43", "17 + 25 = 43", "The answer is 43, not 42.", "The answer is not 42.",
      "17 + 25 = 42 or 43", "It is more than 42.", "I think it's between 42 and 44.", "It is almost 42.", "42x", "4 2", "4.2", "-42", "42!", "The sum of 17 and 25 is 52.",
      r"\boxed{42 \text{ or } 43}", r"\boxed{x^{42}}", "It is the square root of 42.", "17 is smaller than 25.", "The answer is 42 thousand.", "1. Add 17.\n2. Add 25.\n3. The sum is 41."]),
    ("A pizza is cut into 8 slices. I ate 3. How many are left?", "5",
     ["You have 5 slices left.", "There are 5 slices left. You started with 8 and ate 3.", "8 - 3 = 5, so 5 slices are left.", "Five slices are left.", "If you ate 3 of the 8 slices, you have 5 left.",
      "To find out, subtract: 8 - 3 = 5.\n\nTherefore, **5 slices** remain."],
     ["You have 6 slices left.", "You ate 3 of 8 slices.", "There are 8 slices.", "8 - 3 = 6", "You have 5 or 6 slices left.", "You don't have 5 slices left.", "Half of 5 slices are left."]),
    ("Which is bigger, 9.11 or 9.9?", "9.9",
     ["9.9 is bigger than 9.11.", "9.9", "The bigger number is 9.9.", "**9.9**", "9.9 is bigger."],
     ["9.11 is bigger than 9.9.", "9.11", "The bigger number is 9.11.", "**9.11** is bigger than 9.9."]),
    ("How many people live there?", "1234567",
     ["1,234,567", "1 234 567", "1.234.567", "1'234'567", "12,34,567", "About 1,234,567 people live there.", "1{,}234{,}567", r"1\,234\,567"],
     ["1,234,568", "1,234.567", "1.234567", "1,23,4567", "123,456,7", "1,234"]),
    ("What is 9/8 as a decimal?", "1.125",
     ["1.125", "$1.125$", r"\frac{9}{8}", "9/8 = 1.125", "1 1/8", "112.5%"],
     ["1125", "1,125", "1.12", "1.13", "1 1/9", "8/9"]),
    ("What is 5/2?", "2.5",
     [r"2\frac{1}{2}", "2 1/2", "2½", "2 ½", r"$2\tfrac12$", "5/2", r"\dfrac{5}{2}", "2.5", "2.50", "2 and 1/2", r"\boxed{2\frac{1}{2}}", "250%"],
     ["10.5", "22.5", "21/2", "2 1/3", "1", "2(1/2)", r"2\cdot\frac{1}{2}", "2/5", r"\boxed{\frac{21}{2}}", "25", "-2 1/2"]),
    ("Simplify 2(3).", "6", ["2(3) = 6", "6", r"2 \cdot 3 = 6"], ["23", "2(3) = 5", "2 3"]),
    ("What is 5 - 8?", "-3", ["-3", "−3", "–3", r"\boxed{-3}", "5 - 8 = -3", "The result is -3.", "5 - 8 equals −3."], ["3", "5 - 8 = 3", "The result is 3.", "+3", "--3"]),
    ("Write 1/3.", "1/3", [r"0.\overline{3}", "0.(3)", "0.333...", "0.333…", r"0.\dot{3}", r"\frac13", "⅓", "1 / 3", "2/6", r"$\frac{1}{3}$"], ["0.3", "0.33", "0.333333", "3", "0.(33)4", "1/30", "0.(34)", "1.3"]),
    ("Write 7/12 as a decimal.", "0.58(3)", ["7/12", r"0.58\overline{3}", "0.58333..."], ["0.58", "0.583", "0.(583)", r"0.\overline{583}"]),
    ("How far is a light year in km?", "9.46e12", ["9.46e12", r"9.46 \times 10^{12}", "9.46 × 10^12 km", "9.46·10¹²", "9.46 x 10^{12} kilometers", "9,460,000,000,000", "9.46 trillion km", "A light year is about 9.46 trillion kilometers."],
     ["9.46e13", "9.46 x 10^11", "9.46", "9.46 billion", "946e12"]),
    ("What is 2^10?", "1024", ["2^10 = 1024", "1,024", "2^{10}", "2¹⁰", "1.024e3", "2^10 equals 1024."], ["210", "20", "2^11", "10^2", "1.024", "2^10 = 1042"]),
    ("What is 2^-2?", "0.25", ["2^{-2}", "1/4", "25%", "2^-2 = 0.25"], ["-4", "2^2", "0.25%", "4"]),
    ("How many months have 31 days?", "7", ["7", "Seven months have 31 days.", "There are 7 months with 31 days.", "7 months: January, March, May, July, August, October and December."], ["31", "12", "There are 6 months with 31 days.", "All 12 months have at least 28 days."]),
    ("What is 3/4 + 1/8?", "7/8", [r"$\frac{3}{4} + \frac{1}{8} = \frac{6}{8} + \frac{1}{8} = \frac{7}{8}$", "7/8", "0.875", "3/4 + 1/8 = 7/8", "The sum is 7/8.", r"\[\frac{3}{4}+\frac{1}{8}=\boxed{\frac{7}{8}}\]"], ["8/7", "4/12", "3/4 + 1/8 = 4/12", "1/8", "3/4", r"\boxed{\frac{8}{7}}"]),
]
UNITS: list[Row] = [
    ("How long is the rope?", "12 cm", ["12 cm", "12cm", "12 centimeters", "12", r"12\,\text{cm}", r"\boxed{12\text{ cm}}", "The rope is 12 cm long.", "12 centimetres"], ["12 m", "12 mm", "12 inches", "120 cm", "1.2 cm", "12 cm^2", "It is 12 kg."]),
    ("What is the area?", "12 cm^2", ["12 cm²", "12 square centimeters", "12 cm^2", r"12 \text{ cm}^2", "12 sq cm"], ["12 cm", "12 m^2", "12 cm^3", "24 cm^2"]),
    ("How fast is the train?", "60 km/h", ["60 km/h", "60 kilometers per hour", "60 kmh", "60 km per hour", "60", "The train goes 60 km/h."], ["60 mph", "60 m/s", "60 km", "6 km/h"]),
    ("What does it cost?", "$5", ["$5", r"\$5", "5 dollars", "5 USD", "USD 5", "5", "$5.00", "It costs $5.", r"\boxed{\$5}", "US$5"], ["5€", "£5", "5 euros", "$50", "$0.5", "5 cents", "$5 million", "It costs $6."]),
    ("What does it cost?", "5 EUR", ["5€", "€5", "5 €", "5 euros", "5,00 €", "€5.00", "EUR 5"], ["$5", "5 pounds", "50 €", "0,50 €"]),
    ("How much is left of the $80?", "60", ["You have $60 left.", "$60", "60 dollars", "You pay $60.", "$80 - $20 = $60"], ["$80", "$20", "$80 - $20 = $50", "$600"]),
    ("What percent is that?", "25%", ["25%", "25 %", "25 percent", "25", r"25\%", "0.25", "1/4", "25 per cent"], ["0.25%", "2.5%", "2500%", "75%", "2500", "4"]),
    ("What is the probability?", "0.25", ["25%", "1/4", "0.25", ".25", "25 percent"], ["25", "0.25%", "2.5%", "0.75"]),
    ("What percentage of the eggs broke?", "0.5", ["0.5%", "0.5"], ["5%", "0.05"]),
    ("By how many percent did the price rise?", "25", ["25%", "25", "The price rose by 25%.", "25 percent"], ["20%", "0.25%", "0.25", "The price rose by 20%."]),
    ("What is the angle?", "90°", ["90°", "90 degrees", r"90^\circ", r"$90^{\circ}$", "90", "The angle is 90°.", "90º"], ["90 radians", "45°", "90%", "9°"]),
    ("How hot is it?", "100 °C", ["100°C", "100 degrees Celsius", "100 °C", "100°", "100"], ["100°F", "212", "100 K", "10 °C"]),
    ("How many apples are there?", "12 apples", ["12", "12 apples", "12 red apples", "There are 12 apples.", "12 apple"], ["12 pears", "13 apples", "There are 12 pears.", "12%"]),
    ("When does it start?", "5 pm", ["5 pm", "5 p.m.", "5pm", "5 PM"], ["5 am", "6 pm", "5 a.m."]),
    ("How much does it weigh?", "5 lb", ["5 lbs", "5 pounds", "5 lb"], ["£5", "5 kg", "5 oz"]),
]
SEVERAL: list[Row] = [
    ("What are the roots of x^2 - 5x + 6?", "2, 3", ["2, 3", "3, 2", "x = 2, x = 3", "x = 2 or x = 3", r"x=2 \text{ and } x=3", "{2, 3}", r"\{3, 2\}", "[2, 3]", "The roots are 2 and 3.", r"\boxed{2, 3}", r"\boxed{x=2 \text{ or } x=3}", "x=3; x=2"],
     ["2", "2, 4", "(2, 3)", "2, 3, 4", "-2, -3", "x = 2", "The roots are 2 and 4.", "23", "2.3"]),
    ("Where do the lines meet?", "(1, 2)", ["(1, 2)", "(1,2)", r"\left(1, 2\right)", "The lines meet at (1, 2).", r"$(1,2)$", r"\boxed{(1,2)}"], ["(2, 1)", "[1, 2]", "{1, 2}", "(1, 2, 3)", "(1, -2)", "1", "(12)", "[1, 2)"]),
    ("Name the set.", r"\{1,2,3\}", ["{1, 2, 3}", "{3, 1, 2}", "1, 2, 3", r"$\{3,2,1\}$", r"\left\{1, 2, 3\right\}"], ["{1, 2}", "(1, 2, 3)", "{1, 2, 4}", "{1, 1, 2}", "{1, 2, 3, 3}"]),
    ("Where is it defined?", "[0, 1)", ["[0,1)", r"\left[0, 1\right)", "[0, 1[", "$[0,1)$"], ["(0,1)", "[0,1]", "(0,1]", "[0,2)", "]0,1[", "0, 1"]),
    ("Where is it defined?", r"(-\infty, 5]", ["(-∞, 5]", r"\left(-\infty, 5\right]", "(-infinity, 5]"], [r"(\infty, 5]", "(-∞, 5)", "[5, ∞)"]),
    ("What is the ratio?", "3:4", ["3:4", "3 : 4", "3 to 4", "The ratio is 3:4.", r"\boxed{3:4}", "3/4"], ["4:3", "3:5", "4 to 3", "34"]),
    ("Sort 3, 1 and 2.", "1, 2, 3", ["1, 2, 3", "[1, 2, 3]", "1,2,3", "(1, 2, 3)"], ["3, 2, 1", "3, 1, 2", "1, 2", "1, 3, 2"]),
    ("Solve |x| = 3.", r"\pm 3", [r"\pm 3", "±3", "x = ±3", "3, -3", "x = -3 or x = 3", r"x=\pm3"], ["3", "-3", "±4", "3, 3"]),
    ("Give the point.", r"(\frac{1}{2}, 3)", ["(0.5, 3)", r"\left(\tfrac12, 3\right)", "(1/2, 3)"], ["(2, 3)", "(3, 1/2)", "(0.5, 3, 0)"]),
]
EXPRESSIONS: list[Row] = [
    ("Simplify.", r"3\sqrt{2}", [r"3\sqrt{2}", r"\sqrt{18}", "3√2", r"\boxed{3\sqrt2}", r"The result is $3\sqrt{2}$.", "3*sqrt(2)"], [r"2\sqrt{3}", r"\sqrt{6}", "3", r"\sqrt{2}", "32", r"3\sqrt{3}"]),
    ("What is the area of the circle?", r"9\pi", [r"9\pi", "9π", r"\boxed{9\pi}", r"The area is $9\pi$.", r"$\pi \cdot 9$"], ["9", r"3\pi", r"\pi^9", "28.27", r"The area is $6\pi$."]),
    ("Expand.", "x^2+2x+1", ["x^2 + 2x + 1", "(x+1)^2", "1 + 2x + x^2", r"$x^{2}+2x+1$"], ["x^2+1", "x^2+2x-1", "2x^3"]),
    ("What is the square root of 144?", "12", [r"\sqrt{144} = 12", r"\boxed{\sqrt{144}}", "The square root of 144 is 12.", r"$\sqrt{144}=12$"], [r"\boxed{\sqrt{12}}", r"\sqrt{12}", "The square root of 144 is 14.", "144", r"\boxed{12\pi}"]),
    ("Add them.", r"\frac{x}{2}", [r"\frac{x}{2}", "x/2", "0.5x", r"\frac12 x"], [r"\frac{2}{x}", "2x", "x", "1/2"]),
]
WORDS: list[Row] = [
    ("Is 17 a prime number?", "yes", ["Yes", "yes.", "Yes, 17 is prime.", "**Yes**, 17 is a prime number.", r"\boxed{\text{Yes}}", "True", "17 is a prime number.", "Yes! 17 has no divisors but 1 and 17.", "Answer: yes", "The answer is yes."],
     ["No", "No, 17 is not prime.", "17 is not a prime number.", "17 isn't a prime number.", "Yes or no", r"\boxed{\text{No}}", "False", "The answer is no.", "Maybe.", "Yes. No, wait.", "It is 17.", "Yesterday"]),
    ("¿Es 4 par?", "sí", ["Sí", "Sí, 4 es par.", "sí."], ["No", "No, 4 es impar."]),
    ("What is the capital of France?", "Paris", ["Paris", "paris.", "The capital of France is Paris.", "**Paris**", r"\boxed{\text{Paris}}", "The capital of France is **Paris**.", "The answer is Paris.", "Answer: Paris", "Paris is the capital of France.", "The correct answer is Paris, the largest city of France."],
     ["London", "The capital of France is Lyon.", "The capital of France is not Paris.", "It is Lyon, not Paris.", "Paris or Lyon", "I would have guessed Paris.", "Paris is large, but the capital is Lyon.", "It might be Paris.", "The answer is Lyon; many say Paris.", "Parisian", "**Lyon** is the capital, and **Paris** is not."]),
    ("If today is Monday, what day is it in 10 days?", "Thursday", ["Thursday", "In 10 days it is Thursday.", "The day is Thursday."], ["Monday", "Friday", "In 10 days it is Wednesday."]),
    ("What is 255 in hex?", "FF", ["FF", "ff", "255 in hex is FF.", r"\boxed{\text{FF}}"], ["255", "F", "FE", "255 in hex is FE."]),
    ("Does it have a solution?", "no solution", ["No solution.", r"\text{no solution}", r"\boxed{\text{no solution}}"], ["0", "one solution", "solution"]),
]
LANGUAGES: list[Row] = [
    ("Combien font 17 et 25 ?", "42", ["La réponse est 42.", "Réponse : 42", "Réponse finale : **42**", "17 et 25 font 42."], ["La réponse est 43.", "Réponse : 17", "4,2"]),
    ("Was ist 1000 + 234?", "1234", ["Die Antwort ist 1.234.", "Antwort: 1234", "Das Ergebnis ist 1234.", "1234", "1.234,0"], ["Die Antwort ist 1,234.", "Antwort: 1.243", "12,34"]),
    ("Was kostet es?", "7,50", ["7,50 €", "7.50", "7,5", "Es kostet 7,50 €."], ["750", "75,0", "7,05"]),
    ("¿Cuánto es 6 por 7?", "42", ["La respuesta es 42.", "Respuesta: 42", "6 por 7 son 42."], ["La respuesta es 36.", "Respuesta: 67"]),
    ("Quanto é 6 vezes 7?", "42", ["A resposta é 42.", "Resposta: 42."], ["A resposta é 36."]),
    ("Quanto fa 6 per 7?", "42", ["La risposta è 42.", "Risposta: 42"], ["Risposta: 36"]),
    ("Hoeveel is 6 keer 7?", "42", ["Antwoord: 42", "Het antwoord is 42."], ["Het antwoord is 36."]),
    ("Vad är 6 gånger 7?", "42", ["Svar: 42", "Svaret är 42."], ["Svar: 36"]),
    ("Ile to 6 razy 7?", "42", ["Odpowiedź: 42"], ["Odpowiedź: 24"]),
    ("Сколько будет 6 на 7?", "42", ["Ответ: 42", "Ответ — 42."], ["Ответ: 36", "Ответ: 4,2"]),
    ("6乘7是多少？", "42", ["答案是42。", "答案：42", "答案为 42", "6乘7等于42。", "所以答案是 $42$。"], ["答案是36。", "答案：67"]),
    ("6かける7は？", "42", ["答えは42です。", "答え：42", "42です。"], ["答えは36です。"]),
    ("6 곱하기 7은?", "42", ["정답은 42입니다.", "답: 42"], ["정답은 36입니다."]),
    ("ما حاصل 6 في 7؟", "42", ["الإجابة هي ٤٢", "الجواب: 42"], ["الإجابة: ٣٦"]),
    ("6 gunna 7?", "42", ["उत्तर: ४२", "Cevap: 42", "Jawaban: 42", "Đáp án: 42"], ["Cevap: 24", "उत्तर: ४३"]),
]
_PLANETS = "Which planet is the largest?\nA) Mars\nB) Jupiter\nC) Venus\nD) Earth"
_BOLD = "Pick the even one.\n\n**A.** 41\n**B.** 42\n**C.** 43"
CHOICES: list[Row] = [
    (_PLANETS, "B", ["B", "(B)", "b)", "B) Jupiter", "The answer is (B) Jupiter.", r"\boxed{B}", r"\boxed{\text{(B)}}", "**B**", "Jupiter", "The largest planet is Jupiter.", "Answer: B", "B. Jupiter is the largest planet.", "Option B is correct.", "I choose B.",
                     "Mars is small.\n\nThe correct answer is:\n\nB) Jupiter", "The correct option is **B) Jupiter**."],
     ["A", "(C)", "D) Earth", "The answer is (A) Mars.", r"\boxed{D}", "Earth", "A or B", "B or C", "Not B", "The answer is not B.", "B) Earth", "Mars, not Jupiter", "E", "Jupiter or Earth", "Option B is wrong."]),
    (_PLANETS, "Jupiter", ["B", "Jupiter", "The answer is B."], ["A", "Mars"]),
    (_BOLD, "B", ["B", "42", "**B.** 42", "The answer is 42.", "The even one is 42.", "(B)"], ["A", "41", "43", "**C.** 43", "The answer is 41."]),
    ("Which? (A) red (B) green (C) blue", "C", ["C", "blue", "(C) blue", "The answer is (C)."], ["A", "green", "(B)", "The answer is (A)."]),
]
PUBLISHED: list[Row] = [
    # Values on which exact match after an answer pattern (lm-evaluation-harness) and math-verify differ from each other.
    ("", r"\frac{1}{2}", ["0.5", r"\dfrac{1}{2}", r"$\tfrac{1}{2}$", r"\frac12"], ["0.50001", r"\frac{1}{3}"]),
    ("", "1,000", ["1000", "1000.00", "$1,000"], ["1.000", "100"]),
    ("", "(1,2)", [r"\left( 1, 2 \right)"], ["{1,2}", "12"]),
    ("", r"\{1,2\}", [r"\{2,1\}", "1,2"], ["(2,1)"]),
    ("", "[0,1]", [r"\left[0,1\right]"], ["(0,1)", "(0,1]"]),
    ("", "10%", ["10\\%", "10", "0.1"], ["0.1%", "1000%", "100"]),
    ("", "x=5", ["5", "x = 5", "$x=5$"], ["x=6", "5x"]),
    ("", "1/3", [r"\frac{1}{3}"], ["0.3333", "0.33"]),
    ("", r"\sqrt{2}", ["√2", "sqrt(2)"], ["1.41", "2"]),
    ("", "care", ["care"], ["race"]),
    ("", "18", ["#### 18", "#### 18.00", "#### $18", "She makes $18 every day.\n#### 18"], ["#### 81", "18 is wrong, it is #### 26", "#### 1.8"]),
]
ROWS: list[Row] = [*NUMBERS, *UNITS, *SEVERAL, *EXPRESSIONS, *WORDS, *LANGUAGES, *CHOICES, *PUBLISHED]


def list_pairs(rows: list[Row]) -> list[tuple[str, str, str, bool]]:
    """Each pair: the question, the reply, the reference, and whether the reply is right."""
    return [(q, reply, ref, right) for q, ref, *replies in rows for right, texts in zip((True, False), replies, strict=True) for reply in texts]
